"""CHOOSE: features, policies, probabilities and the draw. Pure: no SQL, no web, no clock."""
