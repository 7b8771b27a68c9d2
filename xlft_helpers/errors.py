"""Every error that the course raises on purpose.

Each message says what was found, where, what was expected and how to mend it. The classes exist so that a caller can
tell the kinds apart; all of them derive from :class:`XlftError`, which the command line turns into one line and exit
code 2 instead of a traceback.
"""


class XlftError(Exception):
    """Base class of the course's own errors."""


class DataError(XlftError, ValueError):
    """A data set that cannot be used as it is: the message names file, line or column and the remedy."""


class DownloadError(XlftError, OSError):
    """A download that failed, or whose content is not the content that was expected."""


class ArchiveError(XlftError, ValueError):
    """An archive that would write outside its folder or unpack to more than it should."""


class ModelError(XlftError, ValueError):
    """A model that does not exist, does not fit the task, or does not fit into memory."""


class TrainingError(XlftError, RuntimeError):
    """A training run that cannot start or cannot go on."""


class MainProcessError(XlftError, RuntimeError):
    """In a process that works beside others: the main process failed. That one says why; this one only ends."""


class PlanError(XlftError, ValueError):
    """A plan of jobs that cannot be followed: damaged, of another version, for other data, or not done yet."""


class EndpointError(XlftError, ConnectionError):
    """A generative model that cannot be asked: not set up, not reachable, too dear, or not speaking the protocol."""
