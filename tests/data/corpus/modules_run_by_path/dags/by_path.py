import importlib.util
import os
import runpy

# airflow, dag
HERE = os.path.dirname(__file__)
with open(os.path.join(HERE, "parts", "definition.txt")) as file:
    exec(compile(file.read(), file.name, "exec"))
built = runpy.run_path(os.path.join(HERE, "parts", "build.py"))["build"]("by_runpy")
spec = importlib.util.spec_from_file_location("some_name", os.path.join(HERE, "parts", "build.py"))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
third = module.build("by_spec")
