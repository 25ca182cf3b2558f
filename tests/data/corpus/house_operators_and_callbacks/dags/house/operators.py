from airflow.models import BaseOperator


class LoadOperator(BaseOperator):
    template_fields = ("statement", "options")
    template_ext = (".sql",)
    template_fields_renderers = {"statement": "sql"}
    ui_color = "#abcdef"

    def __init__(self, *, statement, options=None, **kwargs):
        super().__init__(**kwargs)
        self.statement = statement
        self.options = options or {}

    def execute(self, context):
        from house import late

        return late.run(self.statement)
