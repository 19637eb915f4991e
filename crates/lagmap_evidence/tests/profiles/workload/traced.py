"""The same workload with OpenTelemetry spans, written as OTLP JSON lines; spans carry the code attributes of the conventions."""

import functools
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from app import main, store


def traced(function):
    code = function.__code__
    attributes = {
        "code.function.name": f"{function.__module__}.{function.__qualname__}",
        "code.file.path": code.co_filename,
        "code.line.number": code.co_firstlineno,
    }

    @functools.wraps(function)
    def inside(*arguments):
        with trace.get_tracer("workload").start_as_current_span(function.__name__, attributes=attributes):
            return function(*arguments)

    return inside


provider = TracerProvider(resource=Resource.create({"service.name": "workload"}))
provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(sys.argv[1])))
trace.set_tracer_provider(provider)
main.handle = traced(main.handle)
main.ask_neighbour = traced(main.ask_neighbour)
store.Store.find = traced(store.Store.find)
store.Store.limits = traced(store.Store.limits)
main.serve(8)
provider.shutdown()
