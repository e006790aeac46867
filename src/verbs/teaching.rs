//! What `--help` of each verb adds to its flags: examples that work, and how it ends. Paragraphs are one line each, for
//! clap to wrap; examples fit 80 columns.

/// The program without a verb.
pub const PROGRAM: &str = "Examples:
  points-gateway demo                          all on this machine, no credentials
  points-gateway check --config gateway.toml   is the configuration good?
  points-gateway doctor --config gateway.toml  is the account well, what to set?
  points-gateway serve --config gateway.toml   serve
  points-gateway sign < request.json           a signature, stage by stage
  points-gateway completions bash              complete with the tab key
  points-gateway help doctor                   more of one verb

The environment wins over the file, and is enough alone:
  export POINTS_GATEWAY__KINGDEE__CLIENT_ID=205022
  export POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE=/run/secrets/kingdee
  points-gateway serve

Exit codes: 0 done, 1 failed, 64 bad input or arguments, 78 bad configuration.
Colours are for terminals only, and not where NO_COLOR is set.";

/// `serve`
pub const SERVE: &str = "\
SIGTERM or Ctrl-C drains: unready at once, served on for http.drain.grace, one last answer on kept connections. A \
second signal ends at once.

Examples:
  points-gateway serve --config gateway.toml
  POINTS_GATEWAY__LOG__LEVEL=debug points-gateway serve --config gateway.toml

Exit codes: 0 drained, 1 it can't start (a port is taken) or was ended before the drain was over, 78 bad configuration.";

/// `demo`
pub const DEMO: &str = "Examples:
  points-gateway demo
  points-gateway demo --port 18080 --admin-port 19090   where 8080 is taken
  curl -i 'http://127.0.0.1:8080/members/1003/points-history?page_size=3'

Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 a port is taken.";

/// `sandbox`
pub const SANDBOX: &str = "\
It prints a configuration for a gateway in front of it. Bad days, and what Kingdee's documents leave open, are \
switched on its admin port.

Examples:
  points-gateway sandbox
  points-gateway sandbox --port 18090 --admin-port 18091
  curl -s http://127.0.0.1:8091/sandbox/state
  curl -s http://127.0.0.1:8091/sandbox/faults \\
    -H 'Content-Type: application/json' \\
    -d '{\"readings\":{\"end\":\"exclusive\",\"page_size_cap\":50}}'

Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 a port is taken.";

/// `check`
pub const CHECK: &str = "\
Asks nobody and tells no secret: safe to run anywhere. doctor is what tries the account.

Examples:
  points-gateway check --config gateway.toml
  points-gateway check --example > gateway.toml         a file to begin with
  points-gateway check --markdown > configuration.md    every key, to read

Exit codes: 0 good, 78 bad: every fault is named with its place and its cure.";

/// `doctor`
pub const DOCTOR: &str = "\
Tries, in this order: configuration, shared tier, DNS, connection, TLS, clock, authorisation, token, one call. Then it finds out \
what Kingdee's documents leave open, and ends with the lines for the configuration.

It costs one token call and about ten of the 500 calls that an account set has in a minute; it reads, and changes \
nothing there. No secret, token, signature, phone number or member id is printed. docs/doctor.md describes the JSON.

Examples:
  points-gateway doctor --config gateway.toml
  points-gateway doctor --config gateway.toml --account outlet
  points-gateway doctor --config gateway.toml --member 850693217107061760
  points-gateway doctor -c gateway.toml --json | jq -r '.probes[].finding'
  points-gateway doctor -c gateway.toml && points-gateway serve -c gateway.toml

Exit codes: 0 well (there may be warnings), 1 something is wrong with the network or the account, or a setting has to \
change, 64 bad arguments, 78 bad configuration.";

/// `sign`
pub const SIGN: &str = "Examples:
  points-gateway sign --space-encoding percent < request.json
  points-gateway sign <<'END'
  {\"method\": \"GET\", \"path\": \"/jdy/v2/ls/integral_record\",
   \"params\": [[\"page\", \"1\"]], \"client_secret\": \"…\",
   \"nonce\": \"1234567890\", \"timestamp\": \"1700000000000\"}
  END

Exit codes: 0 signed, 64 bad input.";

/// `openapi`
pub const OPENAPI: &str = "Examples:
  points-gateway openapi > openapi.json    as a running gateway serves it

Exit codes: 0 printed, 1 standard output can't be written.";

/// `health`
pub const HEALTH: &str = "The address is http.admin_listen, from the same file and environment as for serve.

Examples:
  points-gateway health --config gateway.toml
  HEALTHCHECK CMD [\"/points-gateway\", \"health\"]

Exit codes: 0 well, 1 not well or no answer within 2 s.";

/// `metrics`
pub const METRICS: &str = "Examples:
  points-gateway metrics > metrics.md    every metric and what it tells

Exit codes: 0 printed, 1 standard output can't be written.";

/// `completions`
pub const COMPLETIONS: &str = "Examples:
  points-gateway completions bash > /etc/bash_completion.d/points-gateway
  points-gateway completions zsh > \"${fpath[1]}/_points-gateway\"
  points-gateway completions fish \\
    > ~/.config/fish/completions/points-gateway.fish

Exit codes: 0 printed, 1 standard output can't be written, 64 no such shell.";
