from actors.monitor.feedplan import plan_feeds
from actors.settings import Seconds
from actors.settings.metrics import Metric


def test_metrics_of_one_endpoint_are_one_reading_as_often_and_as_patient_as_any_of_them():
    url = "http://127.0.0.1:9100/metrics"
    one = Metric(openmetrics=url, every=Seconds(30), within=Seconds(1))
    two = Metric(openmetrics=url, every=Seconds(10), within=Seconds(4))
    (plan,) = plan_feeds({"one": one, "two": two})
    assert (plan.origin, plan.every_s, plan.within_s) == ("openmetrics", 10, 4)
    assert plan.metrics == {"one": one, "two": two}


def test_other_endpoints_commands_and_queries_are_readings_of_their_own():
    metrics = {
        "a": Metric(openmetrics="http://127.0.0.1:1/"),
        "b": Metric(openmetrics="http://127.0.0.1:2/"),
        "c": Metric(command=["true"]),
        "d": Metric(command=["true"]),
        "e": Metric(sql="select 1", database="a.db"),
        "f": Metric(source="gpus:Gpu"),
    }
    assert [(list(plan.metrics), plan.every_s) for plan in plan_feeds(metrics)] == [([name], None) for name in metrics]


def test_what_is_handed_in_is_one_and_an_expression_needs_none():
    pushed = Metric(push=True)
    (plan,) = plan_feeds({"a": pushed, "b": pushed, "c": Metric(expression="a + b")})
    assert (plan.origin, list(plan.metrics)) == ("push", ["a", "b"])
    assert plan_feeds({}) == []
