"""`winback drive`: a randomised log played through the real HTTP API, so that a policy learns as it would have live.

Li, Chu, Langford, Wang, *Unbiased offline evaluation of contextual-bandit-based news article recommendation
algorithms*, WSDM 2011: where the service draws the arm that the log drew, its logged outcomes are what would have
happened.
"""
