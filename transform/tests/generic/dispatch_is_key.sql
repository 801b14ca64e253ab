{# Each row has a value in all of these columns, and no other row has the same ones. #}
{% test dispatch_is_key(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
  {%- for column in columns %} or {{ column }} is null {%- endfor %}
{% endtest %}
