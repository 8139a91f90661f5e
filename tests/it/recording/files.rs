//! The file of a record: what it may be, who may read it, and what lies beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{RECORD, Recorded, exchanges};
use crate::support::{
    command::Langdock,
    events::MODEL,
    home::Home,
    picture::png,
    sending::{answering, send},
};

#[test]
fn it_is_for_the_user_alone_and_grows_with_each_run() {
    let (server, home) = (answering("ok"), Home::new());
    for prompt in ["One", "Two"] {
        let run = send(&server)
            .home(&home)
            .args([prompt, "--record", RECORD])
            .run();
        run.code(0).stdout("ok\n").stderr_empty();
    }
    let path = home.work().join(RECORD);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(exchanges(&path).len(), 2);
    let text = fs::read_to_string(&path).unwrap();
    let header = text.lines().next().unwrap();
    assert_eq!(header, r#"{"format":"langdock-record","version":1}"#);
    assert_eq!(text.matches("langdock-record").count(), 1);
}

#[test]
fn another_file_is_refused_and_nothing_is_sent() {
    let (server, home) = (answering("ok"), Home::new());
    let newer = "{\"format\":\"langdock-record\",\"version\":2}\n";
    let other = [
        "name a new file, or one that",
        "name a file that --record wrote",
    ];
    for (content, message, hints) in [
        ("notes\n", "`x` is not a recording", other),
        ("{\"at\":1}\n", "`x` is not a recording", other),
        (newer, "has format version 2", ["update langdock"; 2]),
    ] {
        let path = home.write("work/x", content);
        for (flag, hint) in ["--record", "--replay"].into_iter().zip(hints) {
            let run = send(&server).home(&home).args(["Hi", flag, "x"]).run();
            run.stdout("").failed(2, message, hint);
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
    fs::create_dir(home.work().join("d")).unwrap();
    for (path, hint) in [("d", "ls -ld"), ("no/such/file", "`mkdir -p no/such`")] {
        let run = send(&server)
            .home(&home)
            .args(["Hi", "--record", path])
            .run();
        run.stdout("").failed(1, "cannot write the recording", hint);
    }
    let run = send(&server)
        .home(&home)
        .args(["Hi", "--replay", "none"])
        .run();
    run.stdout("").failed(
        1,
        "cannot read the recording `none`",
        "`ls .` lists the files",
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_line_that_was_torn_off_is_named_and_harms_no_other() {
    let (server, home) = (answering("ok"), Home::new());
    let record = || {
        send(&server)
            .home(&home)
            .args(["Hi", "--record", RECORD])
            .run()
    };
    record().code(0);
    let path = home.work().join(RECORD);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    record().code(0);
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(lines, 3);
    let replay = || {
        send(&server)
            .home(&home)
            .args(["Hi", "--replay", RECORD])
            .run()
    };
    replay().failed(
        2,
        "line 2 of the recording `r.jsonl`",
        "sed -i.bak 2d r.jsonl",
    );
    let whole: Vec<&str> = text.lines().collect();
    fs::write(&path, whole.join("\n")).unwrap();
    replay().code(0).stdout("ok\n");
}

#[test]
fn images_lie_beside_it_once_and_are_not_needed_for_a_replay() {
    let (server, home) = (answering("A dot."), Home::new());
    let dot = png(1, 1);
    home.write("work/dot.png", &dot);
    for prompt in ["What is this?", "And this?"] {
        let args = [prompt, "-f", "dot.png", "--record", RECORD];
        send(&server).home(&home).args(args).run().code(0);
    }
    let sent = server.requests()[0].json();
    let data = sent["messages"][0]["content"][0]["source"]["data"].clone();
    let directory = home.work().join("r.jsonl.files");
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let files: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap())
        .collect();
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    assert_eq!(fs::read(file.path()).unwrap(), dot);
    let name = file.file_name().into_string().unwrap();
    let source = &exchanges(&home.work().join(RECORD))[0]["request"]["body"]["messages"][0]["content"]
        [0]["source"];
    let hash = name.strip_suffix(".png").unwrap();
    assert_eq!(
        *source,
        json!({"type": "base64", "media_type": "image/png", "data": {"sha256": hash}})
    );
    let text = fs::read_to_string(home.work().join(RECORD)).unwrap();
    assert!(!text.contains(data.as_str().unwrap()));

    fs::remove_dir_all(directory).unwrap();
    let args = ["And this?", "-f", "dot.png", "--replay", RECORD];
    let run = send(&server).home(&home).args(args).run();
    run.code(0).stdout("A dot.\n").stderr_empty();
    home.write("work/dot.png", png(2, 1));
    let run = send(&server).home(&home).args(args).run();
    run.failed(
        3,
        "messages[0].content[0].source.data.sha256 was",
        "--record",
    );
}

#[test]
fn steps_name_the_line_that_answers() {
    let server = answering("ok");
    let begin = |_: &Home| {
        Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["send", "Hi"])
    };
    let recorded = Recorded::against(&server, begin);
    drop(server);
    let (_, outcome) = recorded.replay(begin, &["-vv"]);
    let place = format!(
        "< the answer is line 2 of `{}`\n",
        recorded.path().display()
    );
    outcome.code(0).stdout("ok\n").stderr_contains(&place);
    let (_, outcome) = recorded.replay(begin, &["-v"]);
    outcome.code(0).stderr_lacks("line 2");
}

#[test]
fn a_dry_run_writes_no_record_and_reads_none() {
    let (server, home) = (answering("ok"), Home::new());
    for flag in ["--record", "--replay"] {
        let run = send(&server)
            .home(&home)
            .args(["Hi", "--dry-run", flag, RECORD])
            .run();
        run.code(0).stdout_contains("\"messages\"");
    }
    assert!(!home.work().join(RECORD).exists());
}
