//! The rules. A new one is its own file, its document, and its name in the list below.

/// Declares the rules' modules and their list.
macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*
        /// All rules, sorted by name.
        pub static ALL: &[&crate::RuleInfo] = &[$(&$name::RULE),*];
    };
}

/// The text of a rule's document.
macro_rules! document {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/", $path, ".md"))
    };
}
use document;

rules! {
    awaits_in_sequence,
    blocking_call_on_event_loop,
    buffer_per_item,
    busy_waiting,
    chatty_services,
    client_per_request,
    commit_per_row,
    config_read_per_request,
    container_only_grows,
    copy_by_serialization,
    cpu_work_in_threads,
    file_check_per_request,
    file_opened_per_item,
    growing_concat_in_loop,
    linear_lookup_by_key,
    list_used_for_membership,
    lock_held_over_blocking_work,
    lock_order_inversion,
    log_without_rotation,
    model_in_several_services,
    model_load_per_request,
    object_kept_by_registration,
    overloaded_service,
    peer_state_polled,
    quadratic_work_in_loop,
    regex_compiled_per_request,
    relation_loaded_per_row,
    repeated_pure_call,
    request_cycle,
    request_without_timeout,
    resource_never_closed,
    retries_across_services,
    row_by_row_computation,
    same_answer_fetched_per_request,
    self_deadlock,
    service_cannot_start,
    sleep_in_service_loop,
    slow_text_matching,
    stacked_retries,
    task_never_awaited,
    thread_per_request,
    timeout_shorter_than_work,
    unbounded_memoization,
    uncached_inference,
    waits_behind_waits,
    whole_file_read_per_request,
    wide_array_type,
    work_repeated_across_services,
    zmq_close_without_linger,
    zmq_receive_without_bound,
}

/// From one time to another in seconds, or the one time where they look alike: `0.5 to 2 s`.
fn in_seconds(time: lagmap_program::Interval) -> String {
    let (low, high) = (seconds(time.low), seconds(time.high));
    if low == high { format!("{low} s") } else { format!("{low} to {high} s") }
}

/// A time in seconds, as short as it can be said.
fn seconds(ms: f64) -> String {
    let seconds = ms / 1000.0;
    match seconds {
        seconds if seconds >= 10.0 => format!("{seconds:.0}"),
        seconds if seconds >= 1.0 => format!("{seconds:.1}").trim_end_matches(".0").to_owned(),
        seconds if seconds >= 0.001 => format!("{seconds:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => "0.001".to_owned(),
    }
}
