"""What positions read: sets of elements, the access relation of an axis, and the fields that layers compose to."""
