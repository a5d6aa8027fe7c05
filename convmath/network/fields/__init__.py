"""What positions read: sets of elements, the access relation of an axis, and the fields that layers compose to.

What is said is never less than what is read. Where it may be more, that is said, too:

===========  ===========================  =============================================================================
word         of what                      what it means
===========  ===========================  =============================================================================
``exact``    a set of elements, a         just these elements are read
             dimension that was split
``bounded``  the same, as a method        the same elements, of which only a part may be read: not ``exact`` any more
``uneven``   a dimension of a tensor      positions may read otherwise along it, and no field says which
``sure``     what runs along a dimension  no border but that of the input's axis takes anything of what is said
``unsure``   an axis of an input, while   a path reads it otherwise at other channels or parts: it becomes ``bounded``
             a node's inputs are joined
``folds``    what runs along a dimension  at a border it may read elements that are not said, as reflection does
===========  ===========================  =============================================================================
"""
