-- truth-unknown: what the macro of another file makes of the block
{% call lib.statement("x") %}
INSERT INTO stage.x SELECT 1
{% endcall %}
