# The package brings no types; these are of what is used here.
