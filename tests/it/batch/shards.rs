//! Shards of a batch, and `merge`: together they produce what a single run would.

use std::fs;

use serde_json::{Value, json};

use super::{batch, echoing, records};
use crate::support::{command::Langdock, home::Home, outcome::Outcome, server::Server};

/// Items with duplicates, blank lines and one that fails.
const LINES: &str = "one\n\ntwo\r\nthree\nbad\none\n\nfour\nfive\none\n";

/// The same items and additional ones at the start, in the middle and at the end.
const MORE_LINES: &str =
    "zero\none\n\nnew\ntwo\r\nthree\none\nbad\nmore\none\n\nfour\nfive\none\nlast\n";

/// Runs a batch over lines in the work directory.
fn run(home: &Home, server: &Server, lines: &str, args: &[&str]) -> Outcome {
    home.write("work/in.txt", lines);
    let run = batch(server).home(home);
    run.args(["Say {text}", "-i", "in.txt"]).args(args).run()
}

/// Merges files in the work directory.
fn merge(home: &Home, args: &[&str]) -> Outcome {
    Langdock::new().home(home).args(["merge"]).args(args).run()
}

/// Returns the names of the outputs of this many shards.
fn names(count: u32) -> Vec<String> {
    (1..=count).map(|shard| format!("{shard}.jsonl")).collect()
}

/// Runs each of this many shards.
fn run_shards(home: &Home, server: &Server, lines: &str, count: u32, args: &[&str]) {
    for (shard, name) in (1..).zip(names(count)) {
        let shard = format!("{shard}/{count}");
        let own = ["--shard", &shard, "-o", &name];
        let outcome = run(home, server, lines, &[&own, args].concat());
        assert!(matches!(outcome.code, Some(0 | 11 | 13)), "{outcome}");
    }
}

fn contents(home: &Home, name: &str) -> String {
    fs::read_to_string(home.work().join(name)).unwrap()
}

/// Asserts that merging the outputs of this many shards produces `whole.jsonl`, with and without
/// the input.
#[track_caller]
fn makes_the_whole(home: &Home, count: u32, failed: u32) {
    let names = names(count);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let whole = contents(home, "whole.jsonl");
    let code = if failed > 0 { 11 } else { 0 };
    for args in [&["-i", "in.txt"][..], &[]] {
        let outcome = merge(home, &[&names[..], args].concat());
        outcome.code(code).stdout(whole.as_str());
        if failed == 0 {
            outcome.stderr_empty();
        } else {
            outcome
                .stderr_contains(&format!("error: {failed} of "))
                .stderr_contains(" items failed\nhint: rerun each shard");
        }
    }
}

#[test]
fn merged_shards_are_what_one_run_writes_and_each_item_is_asked_about_once() {
    for count in [1, 2, 3, 20] {
        let (home, server) = (Home::new(), echoing());
        run(&home, &server, LINES, &["-o", "whole.jsonl"]).code(11);
        let asked = server.requests().len();
        let order = if count == 3 {
            &["--unordered"][..]
        } else {
            &[]
        };
        run_shards(&home, &server, LINES, count, order);
        assert_eq!(server.requests().len(), 2 * asked, "of {count} shards");
        makes_the_whole(&home, count, 1);
    }
}

#[test]
fn merged_shards_are_what_one_run_writes_with_items_that_were_added_between_runs() {
    for order in [&[][..], &["--unordered"]] {
        let (home, server) = (Home::new(), echoing());
        let whole = [&["-o", "whole.jsonl"], order].concat();
        run(&home, &server, LINES, &whole).code(11);
        // Some shards end early, and their records are outdated.
        let early = [&["--max-requests", "1"], order].concat();
        run_shards(&home, &server, LINES, 3, &early);
        run(&home, &server, MORE_LINES, &["-o", "whole.jsonl"]).code(11);
        run_shards(&home, &server, MORE_LINES, 3, order);
        makes_the_whole(&home, 3, 1);
        let ids: Vec<Value> = records(&home, "whole.jsonl")
            .into_iter()
            .map(|record| record["id"].clone())
            .collect();
        let lines = [1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15];
        assert_eq!(ids, lines.map(Value::from), "the lines of now");
    }
}

#[test]
fn with_the_input_records_of_a_shard_that_was_not_run_again_find_their_items() {
    let (home, server) = (Home::new(), echoing());
    let (before, now) = ("b\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\ng\n");
    run_shards(&home, &server, before, 2, &[]);
    let merged = |home: &Home| merge(home, &["1.jsonl", "2.jsonl", "-i", "in.txt"]);
    home.write("work/in.txt", now);
    let outcome = merged(&home);
    outcome
        .code(11)
        .stderr_contains("`in.txt`: 1 item has no record: line 1\n")
        .stderr_contains("error: 1 of 7 items has no record\nhint: run shard 1/2 again");
    let places: Vec<_> = outcome
        .stdout_json_lines()
        .iter()
        .map(|record| (record["index"].clone(), record["text"].clone()))
        .collect();
    let expected: Vec<_> = ["b", "c", "d", "e", "f", "g"]
        .iter()
        .zip(1..)
        .map(|(text, index)| (json!(index), json!(format!("Say {text}"))))
        .collect();
    assert_eq!(places, expected);
    run(&home, &server, now, &["--shard", "1/2", "-o", "1.jsonl"]).code(0);
    run(&home, &server, now, &["-o", "whole.jsonl"]).code(0);
    merged(&home)
        .code(0)
        .stderr_empty()
        .stdout(contents(&home, "whole.jsonl"));
}

#[test]
fn a_failed_item_of_a_shard_is_asked_again_where_that_is_asked_for() {
    let (home, server) = (Home::new(), echoing());
    run_shards(&home, &server, LINES, 2, &[]);
    let before = server.requests().len();
    run_shards(&home, &server, LINES, 2, &["--retry-failed"]);
    assert_eq!(server.requests().len(), before + 1);
    let outcome = merge(
        &home,
        &["1.jsonl", "2.jsonl", "-i", "in.txt", "-o", "out.jsonl"],
    );
    outcome.code(11).stdout("").stderr_contains(
        "error: 1 of 8 items failed\nhint: rerun each shard in which items failed",
    );
    let merged = records(&home, "out.jsonl");
    assert_eq!(merged.len(), 8);
    assert_eq!(merged[3]["error"]["kind"], "invalid_request");
}

#[test]
fn an_output_of_another_shard_is_refused_before_anything_is_sent() {
    let (home, server) = (Home::new(), echoing());
    let shard = |shard: &str| {
        let outcome = run(
            &home,
            &server,
            LINES,
            &["--shard", shard, "-o", "out.jsonl"],
        );
        (outcome, server.requests().len())
    };
    let (_, asked) = shard("1/2");
    let before = contents(&home, "out.jsonl");
    for other in ["2/2", "1/3", "1/1"] {
        let (outcome, now) = shard(other);
        outcome
            .code(2)
            .stderr_contains(
                "`out.jsonl`, line 1: the record is from shard 1/2, but this run is for ",
            )
            .stderr_contains("hint: choose another file with --output");
        assert_eq!((now, contents(&home, "out.jsonl")), (asked, before.clone()));
    }
    assert_eq!(shard("1/2").1, asked, "all is done");
}

#[test]
fn a_scheduler_names_the_shard() {
    let slurm = [
        ("SLURM_ARRAY_TASK_ID", "6"),
        ("SLURM_ARRAY_TASK_MIN", "4"),
        ("SLURM_ARRAY_TASK_STEP", "2"),
        ("SLURM_ARRAY_TASK_COUNT", "3"),
    ];
    for (choice, variables, told) in [
        (
            "auto",
            &slurm[..],
            "running shard 2/3 (from Slurm's variables)\n",
        ),
        (
            "auto",
            &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")],
            "running shard 2/3 (from GitLab's variables)\n",
        ),
        (
            "auto/3",
            &[("JOB_COMPLETION_INDEX", "1")],
            "running shard 2/3 (from Kubernetes's variables)\n",
        ),
    ] {
        let server = echoing();
        let mut run = batch(&server).args(["{text}", "--shard", choice]);
        for (name, value) in variables {
            run = run.env(name, value);
        }
        let outcome = run.stdin_bytes("abc\nDie Elbe\n").run();
        outcome.code(0).stderr_contains(told);
        assert_eq!(
            server.only_request().json()["messages"][0]["content"],
            "Die Elbe"
        );
    }
    let server = echoing();
    let run = |choice: &str, name: &str| {
        let run = batch(&server).args(["{text}", "--shard", choice]);
        run.env(name, "1").stdin_bytes("a\n").run()
    };
    let none = run("auto", "SLURM_ARRAY_TASK_COUNT");
    for name in [
        "found no Slurm array (SLURM_ARRAY_TASK_ID)",
        "parallel GitLab job (CI_NODE_INDEX)",
        "JOB_COMPLETION_INDEX",
        "hint: name the shard yourself with --shard I/N",
    ] {
        none.code(2).stdout("").stderr_contains(name);
    }
    run("auto", "JOB_COMPLETION_INDEX")
        .code(2)
        .stderr_contains("hint: add the number of shards: `--shard auto/N`");
    run("auto", "CI_NODE_INDEX")
        .code(2)
        .stderr_contains("CI_NODE_INDEX is set, but CI_NODE_TOTAL is not");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn without_its_choice_the_variables_of_a_scheduler_have_no_effect() {
    let server = echoing();
    let run = batch(&server)
        .args(["{text}"])
        .env("CI_NODE_INDEX", "1")
        .env("CI_NODE_TOTAL", "2");
    let outcome = run.stdin_bytes("abc\nDie Elbe\n").run();
    let records = outcome.code(0).stderr_empty().stdout_json_lines();
    assert_eq!(records.len(), 2);
    assert!(records[0].get("shard").is_none(), "{}", records[0]);
}

#[test]
fn a_field_that_is_only_in_items_of_other_shards_is_no_mistake() {
    let server = echoing();
    let lines = "{\"a\":\"abc\"}\n{\"a\":\"x\",\"b\":\"y\"}\n";
    for shard in ["1/2", "2/2"] {
        let run = batch(&server).args(["{a}{b}", "--shard", shard]);
        run.stdin_bytes(lines).run().stderr_lacks("no item has");
    }
    assert_eq!(server.requests().len(), 1);
}

/// Returns a record in the format from before there were shards.
fn old_record(index: u64, id: &str, key: &str) -> String {
    format!(
        "{{\"index\":{index},\"id\":{id},\"input_hash\":\"{index:032x}\",\"{key}\":{{\"n\":1.50e2}},\"usage\":null}}\n"
    )
}

#[test]
fn outputs_from_before_there_were_shards_are_merged_by_index_and_keep_each_number() {
    let home = Home::new();
    let text = |index, id| old_record(index, id, "message");
    home.write("work/a", text(3, "\"d\"") + &text(0, "\"a\""));
    // A last line without a line break, and a truncated record.
    home.write("work/b", text(1, "\"b\"").trim_end());
    home.write(
        "work/c",
        old_record(2, "\"c\"", "error") + "{\"index\":2,\"id",
    );
    let ids = ["a", "b", "c", "d"];
    let lines: String = ids.map(|id| format!("{{\"id\":\"{id}\"}}\n")).concat();
    home.write("work/in.jsonl", lines);
    let merged =
        text(0, "\"a\"") + &text(1, "\"b\"") + &old_record(2, "\"c\"", "error") + &text(3, "\"d\"");
    for args in [&["a", "b", "c"][..], &["a", "b", "c", "-i", "in.jsonl"]] {
        let outcome = merge(&home, args);
        outcome
            .code(11)
            .stdout(merged.as_str())
            .stderr_contains("the last line of `c` is incomplete; skipping it")
            .stderr_contains("error: 1 of 4 items failed\n");
    }
    let outcome = merge(&home, &["a", "c", "c"]);
    outcome
        .code(11)
        .stdout_contains("\"index\":2")
        .stderr_contains("1 item has no record: index 1\n")
        .stderr_contains(
            "1 item has more than one record: index 2 (keeping an answer if there is one, \
             otherwise the first)\n",
        )
        .stderr_contains("error: 1 of 4 items has no record, 1 has more than one record, 1 failed");
    // A different batch: the same indexes, but none of the items.
    home.write("work/in.jsonl", "{\"id\":\"z\"}\n");
    merge(&home, &["a", "-i", "in.jsonl"])
        .code(11)
        .stdout("")
        .stderr_contains("`in.jsonl`: 2 records belong to none of its items; left out");
}

#[test]
fn an_answer_is_kept_rather_than_a_failure_and_records_may_come_from_standard_input() {
    let home = Home::new();
    home.write("work/failed", old_record(0, "1", "error"));
    let answer = old_record(0, "1", "message");
    let outcome = Langdock::new()
        .home(&home)
        .args(["merge", "failed", "-"])
        .stdin_bytes(answer.as_str())
        .run();
    outcome
        .code(11)
        .stdout(answer.as_str())
        .stderr_contains("error: 1 of 1 item has more than one record\n");
}

#[test]
fn what_cannot_be_merged_is_refused_and_nothing_is_written() {
    let home = Home::new();
    home.write("work/in.txt", "one\n");
    home.write("work/a", old_record(0, "1", "message"));
    home.write("work/out", "before");
    for (args, code, message) in [
        (
            &["a", "in.txt", "-o", "out"][..],
            2,
            "`in.txt`, line 1: not a batch record",
        ),
        (
            &["a", "-i", "in.txt", "-o", "in.txt"],
            2,
            "the input and the output are the same file",
        ),
        (
            &["-", "-", "-o", "out"],
            2,
            "standard input can be read only once",
        ),
        (
            &["none", "-o", "out"],
            1,
            "cannot read `none`: No such file",
        ),
        (
            &["a", "-i", "none", "-o", "out"],
            1,
            "cannot read `none`: No such file",
        ),
    ] {
        let outcome = merge(&home, args);
        outcome.code(code).stdout("").stderr_contains(message);
        assert_eq!(
            (contents(&home, "out"), contents(&home, "in.txt")),
            ("before".to_owned(), "one\n".to_owned())
        );
    }
    // The result may replace one of the merged files.
    merge(&home, &["a", "-o", "a"]).code(0).stderr_empty();
    assert_eq!(contents(&home, "a"), old_record(0, "1", "message"));
}
