import inspect
import os


def name_of_caller():
    caller = inspect.stack()[1]
    module = inspect.getmodule(caller.frame)
    assert os.path.samefile(caller.filename, module.__file__)
    return os.path.splitext(os.path.basename(caller.filename))[0]
