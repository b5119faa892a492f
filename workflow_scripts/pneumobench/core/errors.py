"""The one kind of error that a user can cause."""


class UserError(Exception):
    """An error with everything its reader needs: what, where, what was expected, what to do.

    Parameters
    ----------
    what
        What is wrong, one sentence without a full stop.
    where
        The file, key or value that is concerned.
    expected
        What would have been right.
    remedy
        What the user can do now.
    """

    def __init__(self, what: str, *, where: str, expected: str, remedy: str) -> None:
        self.what, self.where, self.expected, self.remedy = what, where, expected, remedy
        super().__init__(
            f"{what}\n  where:    {where}\n  expected: {expected}\n  to do:    {remedy}"
        )
