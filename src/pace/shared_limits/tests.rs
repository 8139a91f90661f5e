//! Machines and a server in memory that can be out of reach.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::SECOND;
use super::super::admission::RequestPriority;
use super::super::ledger_server::{
    LedgerReplacement, LedgerServer, ServerFailure, ServerFuture, ServerReply,
};
use super::super::record::{fence_of, from_bytes, to_bytes};
use super::*;

const COST: RequestCost = RequestCost {
    input: 1,
    max_tokens: 1,
    priority: RequestPriority::Person,
};

/// The bytes of one ledger, for all machines. Its clock is an hour ahead of theirs.
#[derive(Debug, Default)]
struct MemoryServer {
    bytes: Mutex<Vec<u8>>,
    is_gone: AtomicBool,
    /// How many exchanges still fail.
    failures_left: AtomicUsize,
}

impl MemoryServer {
    fn ledger(&self) -> RateLimitLedger {
        from_bytes(&self.bytes.lock().expect("no test panics")).expect("a ledger")
    }

    fn change(&self, change: impl FnOnce(&mut RateLimitLedger)) {
        let mut ledger = self.ledger();
        change(&mut ledger);
        *self.bytes.lock().expect("no test panics") = to_bytes(&ledger);
    }
}

#[derive(Debug)]
struct Connection(Arc<MemoryServer>);

impl LedgerServer for Connection {
    fn exchange<'a>(
        &'a self,
        _: &'a str,
        replacement: Option<LedgerReplacement>,
    ) -> ServerFuture<'a> {
        Box::pin(async move {
            let fails = |left: usize| left.checked_sub(1);
            let failing = &self.0.failures_left;
            let has_failed = failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails);
            if self.0.is_gone.load(Ordering::Relaxed) || has_failed.is_ok() {
                return Err(ServerFailure {
                    reason: "gone".to_owned(),
                });
            }
            let now = own_now() + 3600 * SECOND;
            let mut bytes = self.0.bytes.lock().expect("no test panics");
            if let Some(new) = replacement
                && fence_of(&bytes) == new.fence
            {
                *bytes = new.bytes;
                return Ok(ServerReply { now, bytes: None });
            }
            let bytes = Some(bytes.clone());
            Ok(ServerReply { now, bytes })
        })
    }

    fn address(&self) -> &'static str {
        "memory"
    }
}

/// Returns one of two machines that share four requests a minute.
fn machine(server: &Arc<MemoryServer>, directory: &Path, number: u64) -> SharedLimits {
    let shared = SharedLedger::new(Box::new(Connection(Arc::clone(server))), number);
    let base = BaseLimits {
        configured: RateLimits {
            requests: Some(4),
            tokens: None,
        },
        ..BaseLimits::default()
    };
    let directory = directory.join(number.to_string());
    SharedLimits::new(
        Arc::new(shared),
        Some(&directory),
        "name",
        base,
        LimitShare::one_of(2),
    )
}

async fn reserve(machine: &SharedLimits) -> Admission {
    let reply = machine.reserve(&COST, None).await;
    reply.expect("the machine has a directory").outcome
}

#[tokio::test]
async fn after_an_outage_a_request_has_to_fit_into_both_ledgers() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Arc::new(MemoryServer::default());
    let first = machine(&server, directory.path(), 1);
    let second = machine(&server, directory.path(), 2);
    server.is_gone.store(true, Ordering::Relaxed);
    let alone = reserve(&first).await;
    assert!(matches!(alone, Admission::Admitted(Some(id)) if is_own(id)));
    server.is_gone.store(false, Ordering::Relaxed);
    // The second machine has noticed nothing, and uses what it takes for the whole limit.
    let mut admitted = 0;
    while server.ledger().slots.len() < 4 {
        let id = reserve(&second).await.id().expect("there is a limit");
        server.change(|ledger| {
            // The spreading of requests is not what this is about.
            ledger.due = 0;
            ledger.queue.retain(|ticket| ticket.id != id);
        });
        admitted += 1;
        assert!(admitted < 9, "{:?}", server.ledger());
    }
    // Five seconds later the first one tries the server again.
    let earlier = |ledger: &mut RateLimitLedger, _| {
        ledger.outage_at -= 6 * SECOND;
        ledger.probed_at -= 6 * SECOND;
        ledger.due = 0;
    };
    first
        .own
        .file
        .update_ledger(false, (), earlier)
        .await
        .expect("it is there");
    let refused = reserve(&first).await;
    assert!(
        matches!(refused, Admission::Queued { id: None, .. }),
        "{refused:?}"
    );
    let slots = |ledger: &mut RateLimitLedger, _| ledger.slots.len();
    let own = first
        .own
        .file
        .update_ledger(false, 0, slots)
        .await
        .expect("it is there");
    assert_eq!(own.outcome, 1, "what was refused is not counted");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_being_restarted_is_no_outage() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Arc::new(MemoryServer::default());
    let machine = machine(&server, directory.path(), 1);
    server.failures_left.store(3, Ordering::Relaxed);
    let admitted = reserve(&machine).await;
    assert!(matches!(admitted, Admission::Admitted(Some(id)) if !is_own(id)));
    server.failures_left.store(4, Ordering::Relaxed);
    let id = reserve(&machine).await.id().expect("there is a limit");
    assert!(is_own(id), "that takes too long");
}

#[tokio::test]
async fn while_all_machines_keep_to_their_shares_a_request_is_in_both_ledgers() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Arc::new(MemoryServer::default());
    let first = machine(&server, directory.path(), 1);
    let second = machine(&server, directory.path(), 2);
    reserve(&first).await;
    server.change(|ledger| ledger.outage_at = ledger.last);
    let admitted = reserve(&second).await;
    assert!(matches!(admitted, Admission::Admitted(Some(id)) if is_own(id)));
    let waiting = reserve(&second).await;
    assert!(
        matches!(waiting, Admission::Queued { .. }),
        "a half of four with a half of the one that counts: {waiting:?}"
    );
    let shared = server.ledger();
    let machines: Vec<u64> = shared
        .slots
        .iter()
        .map(|slot| slot.holder.machine)
        .collect();
    assert_eq!(machines, [1, 2]);
    let id = admitted.id().expect("it was admitted");
    let settled = second.settle(id, &COST, None, RequestOutcome::Failed);
    settled.await.expect("the machine has a directory");
    assert!(server.ledger().slots[1].has_ended);
}

#[tokio::test]
async fn a_user_on_one_machine_goes_before_a_batch_on_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Arc::new(MemoryServer::default());
    let first = machine(&server, directory.path(), 1);
    let second = machine(&server, directory.path(), 2);
    while server.ledger().slots.len() < 4 {
        reserve(&first).await;
        server.change(|ledger| {
            ledger.due = 0;
            ledger.queue.clear();
        });
    }
    let batch = RequestCost {
        priority: RequestPriority::Batch,
        ..COST
    };
    let start_of = |admission| match admission {
        Admission::Queued { start, .. } => start,
        Admission::Admitted(_) => panic!("the minute is full"),
    };
    let reply = first.reserve(&batch, None).await.expect("a directory");
    let (id, alone) = (reply.outcome.id(), start_of(reply.outcome));
    let user = start_of(reserve(&second).await);
    let reply = first.reserve(&batch, id).await.expect("a directory");
    assert!(user.abs_diff(alone) < SECOND, "{user} {alone}");
    assert!(start_of(reply.outcome) > alone);
}
