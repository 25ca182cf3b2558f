raise RuntimeError('the installed jinja2 was meant')
