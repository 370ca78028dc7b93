"""The one error that the stack and its commands raise on purpose."""


class StackError(RuntimeError):
    """Something in the stack could not be started or used; the text is fit to show to a person."""
