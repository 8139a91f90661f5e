//! The flags for request fields: each sets its field in the body and changes nothing else.

use serde_json::{Value, json};

use super::{Row, asking, body};
use crate::support::{home::Home, sending::answering};

/// The request flags.
pub(super) const ROWS: &[Row] = &[
    (
        &["send", "tool-run", "batch", "chat"],
        "--model",
        |command| {
            adds(
                command,
                &["--model", "claude-haiku-4-5"],
                "model",
                &json!("claude-haiku-4-5"),
            );
        },
    ),
    (&["send", "tool-run", "batch", "chat"], "--system", system),
    (
        &["send", "tool-run", "batch", "chat"],
        "--max-tokens",
        |command| {
            adds(command, &["--max-tokens", "7"], "max_tokens", &json!(7));
        },
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--temperature",
        |command| {
            adds(
                command,
                &["--temperature", "0.5"],
                "temperature",
                &json!(0.5),
            );
        },
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--top-p",
        |command| {
            adds(command, &["--top-p", "0.25"], "top_p", &json!(0.25));
        },
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--top-k",
        |command| adds(command, &["--top-k", "3"], "top_k", &json!(3)),
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--stop",
        |command| {
            adds(
                command,
                &["--stop", "END", "--stop", "--"],
                "stop_sequences",
                &json!(["END", "--"]),
            );
        },
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--user-id",
        |command| {
            adds(
                command,
                &["--user-id", "u-1"],
                "metadata",
                &json!({"user_id": "u-1"}),
            );
        },
    ),
    (
        &["send", "tool-run", "batch", "chat"],
        "--thinking",
        |command| {
            let budget = json!({"type": "enabled", "budget_tokens": 2000});
            adds(command, &["--thinking", "2000"], "thinking", &budget);
        },
    ),
    (&["send", "tool-run", "batch", "chat"], "--effort", effort),
    (&["send", "tool-run", "batch", "chat"], "--set", |command| {
        adds(
            command,
            &["--set", "service_tier=\"auto\""],
            "service_tier",
            &json!("auto"),
        );
    }),
    (&["send", "tool-run", "batch"], "--prefill", prefill),
];

/// Asserts that the arguments set one field of the body and leave the others unchanged.
#[track_caller]
fn adds(command: &str, args: &[&str], field: &str, value: &Value) {
    let without = body(command, &[]);
    assert_ne!(
        without[field], *value,
        "`{field}` has the value without the flag"
    );
    let mut expected = without;
    expected[field] = value.clone();
    assert_eq!(body(command, args), expected, "{args:?}");
}

fn system(command: &str) {
    adds(
        command,
        &["--system", "Be brief."],
        "system",
        &json!("Be brief."),
    );
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/system.txt", "From a file.\n");
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--system", "@system.txt"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(server.only_request().json()["system"], "From a file.\n");
}

fn effort(command: &str) {
    let model = ["--model", "claude-opus-4-8"];
    let mut expected = body(command, &model);
    expected["output_config"] = json!({"effort": "high"});
    let [flag, model] = model;
    assert_eq!(body(command, &[flag, model, "--effort", "high"]), expected);
}

fn prefill(command: &str) {
    let mut turns = body(command, &[])["messages"].clone();
    turns
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "assistant", "content": "{"}));
    adds(command, &["--prefill", "{"], "messages", &turns);
}
