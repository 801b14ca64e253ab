select *
from (
  select span, seconds, {{ servicetitan_dispatch.seconds_of('span') }} as found
  from (
    values
      ('01:00:00', 3600),
      ('02:10:00.5000000', 7800.5),
      ('23:59:59', 86399),
      ('1.02:00:00', 93600),
      ('10.00:00:01.2500000', 864001.25),
      ('-00:30:00', -1800),
      ('-1.02:30:00', -95400),
      ('-00:00:00.5000000', -0.5)
  ) as spans (span, seconds)
) as compared
where found is distinct from cast(seconds as double precision)
