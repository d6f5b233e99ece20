"""Secrets stay secret and unknowns unknown on their way through the provider."""

from __future__ import annotations

from rehearsal.provider.values import UNKNOWN, Marks, Properties, Secret, decode, encode, plain, without_secrets


def test_values_come_back_from_the_wire_as_they_went() -> None:
    values: Properties = {
        "text": "a",
        "number": 3,
        "fraction": 0.5,
        "flag": True,
        "list": [1, {"unknown": UNKNOWN}, Secret({"inner": "s"})],
        "secret": Secret("s"),
        "nothing": {},
    }
    assert decode(encode(values)) == values


def test_nulls_are_dropped() -> None:
    assert decode(encode({"a": None, "b": {"c": None}})) == {"b": {}}


def test_outputs_are_secret_where_inputs_are() -> None:
    inputs: Properties = {"a": {"b": Secret("x"), "c": "y"}, "list": [{"d": Secret("z")}], "only": Secret("in")}
    outputs: Properties = {"a": {"b": "x", "c": "y", "e": 1}, "list": [{"d": "z"}], "more": 2}
    assert Marks(inputs).join(outputs) == {
        "a": {"b": Secret("x"), "c": "y", "e": 1},
        "list": Secret([{"d": "z"}]),
        "more": 2,
    }


def test_a_secret_does_not_show_in_messages() -> None:
    assert "canary" not in repr({"value": Secret("canary")})


def test_without_secrets_nothing_secret_is_left() -> None:
    values: Properties = {"a": Secret("canary"), "b": [{"c": Secret("canary"), "d": 1}, Secret("canary")]}
    assert without_secrets(values) == {"b": [{"d": 1}]}
    assert plain(values) == {"a": "canary", "b": [{"c": "canary", "d": 1}, "canary"]}
