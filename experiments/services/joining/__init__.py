"""From a matured decision to its logged round, and to the sums that readouts are made of."""
