"""How a fault is named in a log: what and where, never with which values."""

__all__ = ["whereabouts"]

_FRAMES = 4


def whereabouts(error: BaseException) -> str:
    """Name the error's type and the innermost places it passed, without its message.

    A message or a traceback's source lines may quote a request; file, line and function do not.
    """
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
        places.append(f"{file}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(places[-_FRAMES:]) or 'an unknown place'}"
