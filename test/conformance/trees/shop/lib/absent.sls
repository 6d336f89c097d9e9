a: {{ salt["x.absent"]() }}
