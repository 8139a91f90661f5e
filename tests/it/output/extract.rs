//! `--extract`: one code block of the answer and nothing else.

use crate::support::sending::{answering, send};

/// An answer with indented, nested and named blocks.
const ANSWER: &str = "Use `ls`:\n\n    not fenced\n\n```sh\nls -l\n\necho \"é\"\n```\n\nor\n\n~~~~Python title=x\n```\nprint()\n```\n~~~~\n";

#[test]
fn the_first_fenced_block_is_printed_byte_for_byte() {
    send(&answering(ANSWER))
        .args(["-x", "Hi"])
        .run()
        .code(0)
        .stdout("ls -l\n\necho \"é\"\n")
        .stderr_empty();
}

#[test]
fn a_language_picks_its_first_block() {
    let server = answering(ANSWER);
    let outcome = send(&server).args(["-x", "--lang", "python", "Hi"]).run();
    outcome.code(0).stdout("```\nprint()\n```\n").stderr_empty();
}

#[test]
fn without_a_block_the_answer_is_on_stderr_and_the_exit_code_is_12() {
    let outcome = send(&answering("No code.")).args(["-x", "Hi"]).run();
    outcome.code(12).stdout("");
    assert!(
        outcome
            .stderr
            .starts_with("No code.\nlangdock: error: the answer has no code block\nhint: "),
        "{outcome}"
    );
    let outcome = send(&answering(ANSWER))
        .args(["-x", "--lang", "rust", "Hi"])
        .run();
    outcome
        .code(12)
        .stdout("")
        .stderr_contains("echo \"é\"\n")
        .stderr_contains("no code block in `rust`");
}

#[test]
fn a_block_that_the_prefill_opened_is_found() {
    let server = answering("\"a\": 1}\n```\nDone.");
    let outcome = send(&server)
        .args(["-x", "--prefill", "```json\n{", "Hi"])
        .run();
    outcome.code(0).stdout("\"a\": 1}\n").stderr_empty();
}
