"""Every kind of attack there is a test against, and where it is.

A kind that is played on tables has its rows there, at the core and on every host where its input
can exist. What else is named are tests that see what a row cannot: many processes at once, a killed
server, a disk that is full, a body that never ends.
"""

from collections.abc import Mapping

__all__ = ["KINDS", "TABLES", "UNLIKE"]

TABLES = "rows"
"""Stands for the rows of the tables in this folder."""

_SIGNATURES = "tests/security/test_hostile_signatures.py"
_BODIES = "tests/security/test_hostile_bodies.py"
_CARDS = "tests/security/test_hostile_cards.py"
_TEXTS = "tests/security/test_hostile_texts.py"
_ADDRESSES = "tests/hosts/test_client_address.py"
_OPERATORS = "tests/security/test_hostile_operators.py"
_STEPS = "tests/protocol/test_steps.py"
_CORNERS = "tests/protocol/test_corners.py"
_ORDERS = "tests/protocol/test_orders.py"
_SECRETS = "tests/unit/test_secrets.py"
_FOUND = "tests/unit/test_cards.py"
_WSGI = "tests/hosts/test_wsgi.py"
_ASGI = "tests/hosts/test_asgi.py"
_PROCESSES = "tests/faults/test_processes.py"

KINDS: Mapping[str, tuple[str, ...]] = {
    # Headers
    "an auth header is missing": (TABLES,),
    "a timestamp in another script's digits": (TABLES,),
    "a timestamp that int() would read": (TABLES,),
    "a timestamp with white space": (TABLES,),
    "a timestamp that is no integer": (TABLES,),
    "a timestamp in milliseconds": (TABLES,),
    "a timestamp of very many digits": (TABLES,),
    "an auth header sent twice": (TABLES,),
    "an alias with an underscore": (TABLES,),
    "another client id in the header than in the path": (TABLES,),
    "a client id that nobody issues": (TABLES,),
    "a signature in upper case": (TABLES,),
    "a signature of another length": (TABLES,),
    "a signature that is no ASCII": (TABLES,),
    "a signature of another version": (TABLES,),
    "the right MAC in another encoding": (TABLES,),
    "a list of signatures": (TABLES,),
    # Time
    "a request of the past": (TABLES,),
    "a request of the future": (TABLES,),
    "a replay of a request that was dated ahead": (TABLES,),
    "a replay after the clock was set back": (
        TABLES,
        "tests/faults/test_clock_steps.py::test_a_replay_is_refused_whatever_the_clock_does",
    ),
    "a body held back behind its head": (
        f"{_BODIES}::test_a_body_held_back_is_judged_when_it_is_there",
        f"{_STEPS}::test_a_body_held_back_is_judged_by_a_fresh_clock",
    ),
    # Signatures
    "a client id that is unknown": (
        TABLES,
        f"{_SIGNATURES}::test_every_stranger_gets_the_same_bytes",
        f"{_SIGNATURES}::test_every_attempt_costs_the_same_macs",
        f"{_STEPS}::test_every_attempt_costs_the_same",
    ),
    "a wrong secret": (TABLES, f"{_SIGNATURES}::test_every_stranger_gets_the_same_bytes"),
    "a flipped bit": (f"{_SIGNATURES}::test_no_flipped_bit_gets_in",),
    "a read's signature on a write": (TABLES,),
    "a signature of one connection for another": (TABLES,),
    "an idempotency key that was not signed": (TABLES,),
    "a body that was not signed": (TABLES,),
    # Replays and retries
    "a write sent twice": (TABLES, f"{_STEPS}::test_a_write_is_accepted_once"),
    "one signature in many processes at once": (
        f"{_PROCESSES}::test_one_signature_is_spent_once",
        "tests/faults/test_races.py::test_of_many_processes_with_one_signature_one_succeeds",
        "tests/faults/test_races.py::test_of_many_threads_with_one_signature_one_succeeds",
    ),
    "a replay after a restart": (
        f"{_STEPS}::test_a_replay_after_a_restart_is_seen",
        "tests/faults/test_kill.py::test_killed_around_the_commit_of_a_conversion",
        "tests/faults/test_restarts.py::test_a_server_that_is_restarted_under_traffic_loses_nothing",
    ),
    "a refused write sent twice": (TABLES, f"{_STEPS}::test_a_refused_write_is_spent"),
    "a retry with the same key, signed anew": (
        TABLES,
        f"{_STEPS}::test_a_retry_gets_the_stored_answer",
    ),
    "a known key with something else": (TABLES,),
    "a known key of another connection": (
        TABLES,
        f"{_STEPS}::test_a_key_belongs_to_its_action_and_connection",
    ),
    "one key in many processes at once": (
        f"{_PROCESSES}::test_one_idempotency_key_has_one_effect",
        f"{_STEPS}::test_while_a_provider_is_asked_a_twin_is_in_progress",
    ),
    # Operators
    "a storage that is away": (
        TABLES,
        f"{_STEPS}::test_a_storage_that_is_away_is_503",
        "tests/faults/test_sqlite_faults.py::test_a_lock_held_beyond_the_timeout_is_503_and_then_over",
        "tests/faults/test_sqlite_faults.py::test_a_disk_that_is_full_takes_nothing_and_loses_nothing",
        "tests/faults/test_sqlite_faults.py::test_a_read_only_file_takes_nothing_and_loses_nothing",
    ),
    "a disabled connection": (TABLES,),
    "an old secret": (TABLES,),
    "a change of the operator's between two requests": (
        TABLES,
        f"{_PROCESSES}::test_a_change_of_the_connection_works_at_once_everywhere",
        "tests/faults/test_revocation.py::test_a_status_holds_everywhere_at_once",
        "tests/faults/test_revocation.py::test_a_rotation_and_a_revocation_hold_everywhere_at_once",
    ),
    "a missing scope": (TABLES,),
    "an address outside the list": (TABLES,),
    # Addresses
    "a forged hop in front of the true one": (TABLES,),
    "a forwarded header from a peer that is no proxy": (TABLES,),
    "a forwarded header that cannot be read": (TABLES,),
    "a header of addresses that nobody configured": (TABLES,),
    "an alias of the forwarded header": (
        TABLES,
        f"{_ADDRESSES}::test_a_wsgi_site_does_not_start_before_aliases_are_said_to_be_dropped",
    ),
    "an IPv4 address as IPv6 maps it": (TABLES,),
    "an IPv6 address in place of an IPv4 one": (TABLES,),
    "a peer without an address": (TABLES,),
    "a careless allow-list": (
        f"{_OPERATORS}::test_a_careless_allow_list_is_refused_or_flagged",
        f"{_STEPS}::test_half_a_configuration_does_not_start",
    ),
    # Methods and paths
    "another method": (TABLES,),
    "a preflight of a browser": (TABLES,),
    "an escape in the path": (TABLES, f"{_ASGI}::test_escapes_reach_the_core_undecoded"),
    "a path that goes elsewhere": (TABLES,),
    "a slash too many or too few": (TABLES,),
    "a query": (TABLES,),
    "an unknown action": (TABLES,),
    # Bodies
    "a length over the limit": (
        TABLES,
        f"{_ASGI}::test_a_refused_head_costs_no_body_and_no_thread",
        f"{_WSGI}::test_no_other_refused_body_is_read",
    ),
    "a length that is no number": (TABLES,),
    "a body longer than was declared": (
        TABLES,
        f"{_ASGI}::test_a_body_over_the_limit_is_refused_without_reading_on",
        f"{_WSGI}::test_a_chunked_body_is_refused_one_byte_past_the_limit",
    ),
    "a body shorter than was declared": (
        TABLES,
        f"{_ASGI}::test_a_client_that_goes_before_its_body_ends_did_nothing",
        f"{_ASGI}::test_a_body_that_does_not_come_is_refused_in_time",
        f"{_WSGI}::test_a_body_that_ends_early_is_no_action",
    ),
    "a length beside a transfer encoding": (TABLES,),
    "a transfer encoding without a marked end": (
        f"{_STEPS}::test_a_length_beside_a_transfer_encoding_is_refused",
        f"{_WSGI}::test_a_chunked_body_without_a_marked_end_needs_a_length",
    ),
    "a content encoding": (TABLES,),
    "another media type": (TABLES,),
    "another text encoding": (TABLES,),
    "a name that is repeated": (
        TABLES,
        f"{_BODIES}::test_the_hidden_value_of_a_repeated_name_is_kept_nowhere",
    ),
    "a number that JSON does not have": (TABLES,),
    "a document that is too deep": (TABLES,),
    "a quantity that is none": (TABLES,),
    "very many items": (TABLES,),
    "an unknown field": (TABLES,),
    "half a character": (TABLES,),
    "no object": (TABLES,),
    # Cards and payments
    "a card number": (
        TABLES,
        f"{_CARDS}::test_a_card_number_in_the_other_headers_is_not_logged",
        f"{_FOUND}::test_the_place_is_a_json_pointer_that_never_shows_the_number",
    ),
    "a card number in disguise": (
        TABLES,
        f"{_FOUND}::test_a_number_is_found_however_it_is_written",
    ),
    "a card of another scheme, track data, a security code": (
        TABLES,
        f"{_FOUND}::test_track_data_is_found",
    ),
    "what is no card": (TABLES,),
    "a masked card, a wrong check digit": (TABLES,),
    "a payment intent that is no reference": (TABLES,),
    "a payment intent of another order": (TABLES, f"{_PROCESSES}::test_one_intent_pays_one_order"),
    "a payment of another amount or currency": (
        TABLES,
        f"{_ORDERS}::test_another_amount_or_currency_is_refused_on_both_sides",
    ),
    "a cart or an order of another connection": (
        TABLES,
        f"{_ORDERS}::test_another_connection_s_orders_do_not_exist",
    ),
    # Texts, logs, floods, keys
    "a text that another program would run": (f"{_TEXTS}::test_a_text_comes_back_as_it_was_sent",),
    "a line that would be written into a log": (TABLES, f"{_STEPS}::test_a_log_line_is_one_line"),
    "a flood": (
        f"{_TEXTS}::test_a_flood_is_refused_and_counted_and_shuts_nobody_out",
        f"{_STEPS}::test_the_count_is_bounded",
    ),
    "a master key that is missing, weak, an example or lost": (
        f"{_OPERATORS}::test_a_bridge_does_not_start_with_a_bad_master_key",
        f"{_OPERATORS}::test_a_key_file_that_others_can_read_does_not_start",
        f"{_STEPS}::test_a_lost_master_key_is_af_and_a_line_in_the_log",
        f"{_SECRETS}::test_a_bad_ring_is_refused_with_the_fix",
    ),
}

UNLIKE: Mapping[str, str] = {
    "an alias with an underscore": "WSGI writes names with underscores: the alias is the header",
    "an escape in the path": "WSGI hides how a path was written: it counts as if it were decoded",
    "a length that is no number": "WSGI writes an empty length where there is none",
    "a body longer than was declared": "WSGI ends a body where it was declared to end",
    "an alias of the forwarded header": "a WSGI server that passes it on must not be trusted",
    "a peer without an address": "a dash is a server's word for none, which the core never gets",
}
"""Where a host makes a difference, and which: everywhere else all answer in the same bytes."""
