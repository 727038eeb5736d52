//! Commands as functions: what they get, what counts as their answer, and how they end.

mod support;

use std::time::{Duration, Instant};

use seatrial_ports::hooks::{HookOutcome, HookReport};
use serde_json::json;
use support::{Hooks, is_running, process_ids, until};

#[tokio::test]
async fn a_command_gets_the_request_and_its_output_is_the_answer() {
    let mut hooks = Hooks::script(r#"printf '{"hookStatus":"SUCCEEDED","hookDetails":%s}' "$(cat)""#);
    let request = json!({"executionId": "é\n", "lifecycleStage": "PRE_SCALE_UP"});
    hooks.invoke(3, "check", request.clone());
    let outcome = HookOutcome::Answered(json!({"hookStatus": "SUCCEEDED", "hookDetails": request}));
    assert_eq!(hooks.report().await, HookReport { hook_id: "hook".to_owned(), attempt: 3, outcome });
}

#[tokio::test]
async fn a_command_may_say_more_before_its_answer_and_need_not_read_the_request() {
    let mut hooks = Hooks::script(r#"echo checking; echo details >&2; echo '{"hookStatus":"IN_PROGRESS"}'"#);
    let large = json!({"hookDetails": "x".repeat(1 << 20)});
    assert_eq!(hooks.answer(large).await, json!({"hookStatus": "IN_PROGRESS"}));
}

#[tokio::test]
async fn a_command_runs_beside_its_file_with_its_environment() {
    let mut hooks =
        Hooks::new("functions: { check: { command: [./check.sh, one, 'two three'], environment: { SHOP: staging } } }");
    let script = "#!/bin/sh\nread first < neighbour\nprintf '[\"%s\",\"%s\",\"%s\",\"%s\"]' $first \"$2\" $SHOP $AWS_LAMBDA_FUNCTION_NAME\n";
    std::fs::write(hooks.path("check.sh"), script).expect("a file");
    std::fs::write(hooks.path("neighbour"), "beside\n").expect("a file");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(hooks.path("check.sh"), executable).expect("a mode");
    assert_eq!(hooks.answer(json!({})).await, json!(["beside", "two three", "staging", "check"]));
}

#[tokio::test]
async fn a_command_that_fails_is_quoted() {
    let text = Hooks::script("echo no such table >&2; exit 3").failure().await;
    assert_eq!(
        text,
        "the command ended with exit status: 3 instead of an answer; its standard error ends with: no such table"
    );
    let text = Hooks::script("kill -9 $$").failure().await;
    assert!(text.contains("signal: 9"), "{text}");
}

#[tokio::test]
async fn what_is_no_json_is_quoted() {
    let text = Hooks::script("echo SUCCEEDED; echo oh >&2").failure().await;
    assert!(text.contains("did not print JSON") && text.contains("but: SUCCEEDED"), "{text}");
    assert!(text.contains("its standard error ends with: oh"), "{text}");
    let text = Hooks::script("true").failure().await;
    assert!(text.contains("but: (nothing)"), "{text}");
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_named() {
    let text = Hooks::new("functions: { check: { command: [./missing.sh] } }").failure().await;
    assert!(text.starts_with("could not start the command /") && text.contains("/missing.sh (is it there"), "{text}");
    assert!(text.contains("No such file"), "{text}");
}

#[tokio::test]
async fn output_without_end_is_cut_off() {
    let text = Hooks::script("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done").failure().await;
    assert!(text.contains("answered with more than 262144 bytes"), "{text}");
    let noisy = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1";
    let text = Hooks::script(noisy).failure().await;
    assert!(text.ends_with("line 2999") && !text.contains("line 1 ") && text.len() < 3000, "{text}");
}

#[tokio::test]
async fn a_command_over_its_time_is_killed_with_all_it_started() {
    let script = "echo $$ >> pids; sleep 300 & echo $! >> pids; echo waiting >&2; wait";
    let mut hooks = Hooks::script_with(script, "300ms");
    let started = Instant::now();
    let text = hooks.failure().await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(text.starts_with("the command took longer than its 0.3 s and was killed; raise its `timeout`"), "{text}");
    assert!(text.ends_with("waiting"), "{text}");
    let processes = process_ids(&hooks.path("pids"));
    assert_eq!(processes.len(), 2);
    until("both processes end", || !processes.iter().copied().any(is_running)).await;
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it_and_holds_nothing_up() {
    let mut hooks = Hooks::script("sleep 300 & echo $! > pids; echo 1");
    assert_eq!(hooks.answer(json!({})).await, json!(1));
    let processes = process_ids(&hooks.path("pids"));
    assert_eq!(processes.len(), 1);
    until("the process left behind ends", || !is_running(processes[0])).await;
}

#[tokio::test]
async fn a_command_that_closes_its_output_is_still_waited_for() {
    let mut hooks = Hooks::script("echo 1; exec >&- 2>&-; sleep 0.2; exit 4");
    let text = hooks.failure().await;
    assert!(text.contains("exit status: 4"), "{text}");
}

#[tokio::test]
async fn dropping_the_invoker_kills_what_runs_and_reports_nothing() {
    let hooks = Hooks::script("echo $$ >> pids; sleep 300 & echo $! >> pids; wait");
    hooks.invoke(1, "check", json!({}));
    until("the command starts", || process_ids(&hooks.path("pids")).len() == 2).await;
    let processes = process_ids(&hooks.path("pids"));
    let mut reports = hooks.drop_invoker();
    until("both processes end", || !processes.iter().copied().any(is_running)).await;
    // All senders of reports go with the tasks.
    assert_eq!(reports.recv().await, None);
}

#[tokio::test]
async fn an_attempt_that_is_running_is_not_run_again() {
    let mut hooks = Hooks::script("echo $$ >> pids; while [ ! -e go ]; do sleep 0.01; done; echo 1");
    hooks.invoke(1, "check", json!({}));
    hooks.invoke(1, "check", json!({}));
    hooks.invoke(2, "check", json!({}));
    until("two commands run", || process_ids(&hooks.path("pids")).len() == 2).await;
    hooks.invoke(1, "check", json!({}));
    std::fs::write(hooks.path("go"), "").expect("a file");
    let mut attempts = [hooks.report().await.attempt, hooks.report().await.attempt];
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 2]);
    hooks.invoke(1, "check", json!({}));
    assert_eq!(hooks.report().await.attempt, 1, "an attempt that has ended may be asked for again");
    assert_eq!((process_ids(&hooks.path("pids")).len(), hooks.further_report()), (3, None));
}

#[tokio::test]
async fn more_functions_than_may_run_at_once_wait_their_turn() {
    const RUNNING_MAX: usize = 32;
    let mut hooks = Hooks::script("echo $$ >> pids; while [ ! -e go ]; do sleep 0.05; done; echo 1");
    for attempt in 0..RUNNING_MAX as u32 + 3 {
        hooks.invoke(attempt, "check", json!({}));
    }
    until("as many commands run as may", || process_ids(&hooks.path("pids")).len() == RUNNING_MAX).await;
    std::fs::write(hooks.path("go"), "").expect("a file");
    for _ in 0..RUNNING_MAX + 3 {
        assert_eq!(hooks.report().await.outcome, HookOutcome::Answered(json!(1)));
    }
    assert_eq!(process_ids(&hooks.path("pids")).len(), RUNNING_MAX + 3);
}

#[tokio::test]
async fn a_flood_of_invocations_is_refused_not_kept() {
    const ACCEPTED_MAX: u32 = 512;
    let mut hooks = Hooks::script("sleep 300");
    for attempt in 0..=ACCEPTED_MAX {
        hooks.invoke(attempt, "check", json!({}));
    }
    let report = hooks.report().await;
    let HookOutcome::Failed(text) = report.outcome else { panic!("refused") };
    assert_eq!(report.attempt, ACCEPTED_MAX);
    assert!(text.starts_with("512 hooks are running or waiting already"), "{text}");
}

#[tokio::test]
async fn the_file_is_read_at_each_invocation() {
    let mut hooks = Hooks::script("echo 1");
    assert_eq!(hooks.answer(json!({})).await, json!(1));
    hooks.define("functions: { check: { command: [echo, '2'] } }");
    assert_eq!(hooks.answer(json!({})).await, json!(2));
    hooks.define("functions: { check: { comand: [echo, '2'] } }");
    let text = hooks.failure().await;
    assert!(text.contains("`comand`") && text.contains("functions.yml"), "{text}");
    std::fs::remove_file(hooks.path("functions.yml")).expect("the file was there");
    let text = hooks.failure().await;
    assert!(text.contains("is not there; create it"), "{text}");
}

#[tokio::test]
async fn an_arn_stands_for_the_function_it_names() {
    let mut hooks = Hooks::script("echo 1");
    hooks.invoke(1, "arn:aws:lambda:us-east-1:123456789012:function:check:live", json!({}));
    assert_eq!(hooks.report().await.outcome, HookOutcome::Answered(json!(1)));
    hooks.invoke(2, "arn:aws:lambda:us-east-1:123456789012:function:chek", json!({}));
    let HookOutcome::Failed(text) = hooks.report().await.outcome else { panic!("unknown") };
    let file = hooks.path("functions.yml");
    assert_eq!(text, format!("there is no function `chek`; add it to {}, which has check", file.display()));
    hooks.invoke(3, "arn:aws:sns:us-east-1:123456789012:topic", json!({}));
    let HookOutcome::Failed(text) = hooks.report().await.outcome else { panic!("no function") };
    assert!(text.contains("names no function"), "{text}");
}

#[test]
fn an_invocation_can_be_made_from_any_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut hooks = runtime.block_on(async { Hooks::script("echo 1") });
    hooks.invoke(1, "check", json!({}));
    assert_eq!(runtime.block_on(hooks.report()).outcome, HookOutcome::Answered(json!(1)));
}
