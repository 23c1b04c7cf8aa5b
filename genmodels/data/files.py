"""What is said of a data file that is not as it should be."""


class DataFileError(FileNotFoundError, ValueError):
    """A data file is missing or damaged; its one sentence names the file and says what to do."""
