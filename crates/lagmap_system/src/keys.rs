//! The key names by which start-up configurations of many houses call the same things.

/// Keys that mean the script of a service, wherever they stand.
pub(crate) const SCRIPT: &[&str] =
    &["script_path", "script", "entrypoint_script", "script_file", "python_script", "agent_path", "agent_script"];

/// Keys that mean the script when the value is one, in an entry that is a service by its other keys or its place.
pub(crate) const MAYBE_SCRIPT: &[&str] = &[
    "path",
    "file",
    "file_path",
    "filename",
    "entrypoint",
    "entry_point",
    "main",
    "program",
    "command",
    "cmd",
    "exec",
    "run",
    "start_command",
    "args",
    "target",
];

/// Keys of which any makes a mapping with a script an entry for a service.
pub(crate) const SERVICE_MARKS: &[&str] = &[
    "name",
    "port",
    "health_check_port",
    "health_port",
    "host",
    "dependencies",
    "depends_on",
    "required",
    "enabled",
    "disabled",
    "autostart",
    "replicas",
    "image",
];

/// Words in a key that say that services stand below it.
pub(crate) const CONTAINER_WORDS: &[&str] =
    &["service", "agent", "process", "program", "worker", "component", "daemon", "server", "node"];

/// Keys below which scripts are no services.
pub(crate) const ASIDE: &[&str] = &[
    "environment",
    "env",
    "hooks",
    "volumes",
    "logging",
    "secrets",
    "tests",
    "pre_start",
    "post_start",
    "pre_stop",
    "setup",
    "requirements",
];

/// Keys of a service that hold further services.
pub(crate) const CHILDREN: &[&str] = &["services", "agents", "children", "workers", "processes", "programs"];

pub(crate) const PORT: &[&str] = &["port", "service_port", "listen_port", "agent_port"];
pub(crate) const HEALTH_PORT: &[&str] = &["health_check_port", "health_port", "healthcheck_port"];
pub(crate) const HEALTH: &[&str] = &["health_check", "healthcheck", "health"];
pub(crate) const HOST: &[&str] = &["host", "bind_address", "bind", "address"];
pub(crate) const DEPENDENCIES: &[&str] = &["dependencies", "depends_on", "requires", "depends"];
pub(crate) const ENVIRONMENT: &[&str] = &["environment", "env"];

/// Whether `key` names a part of the file that declares no services: health checks, environments, and, as Compose
/// and GitLab have it, templates under `x-…` and `.…`.
pub(crate) fn is_aside(key: &str) -> bool {
    ASIDE.contains(&key) || key.starts_with("health") || key.starts_with("x-") || key.starts_with('.')
}

/// Whether `key` says that services stand below it.
pub(crate) fn is_container(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    CONTAINER_WORDS.iter().any(|word| key.contains(word))
}
