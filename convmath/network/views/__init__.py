"""Reports, closed forms and answers as people and programs read them."""
