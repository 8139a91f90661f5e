//! Machines and a server in memory that can be out of reach.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::super::SECOND;
use super::super::admission::RequestPriority;
use super::super::ledger_server::{LedgerReplacement, LedgerServer, ServerFuture, ServerReply};
use super::super::record::{fence_of, from_bytes};
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
}

impl MemoryServer {
    fn ledger(&self) -> RateLimitLedger {
        from_bytes(&self.bytes.lock().expect("no test panics")).expect("a ledger")
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
            if self.0.is_gone.load(Ordering::Relaxed) {
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
        let mut ledger = server.ledger();
        // The spreading of requests is not what this is about.
        ledger.due = 0;
        ledger.queue.retain(|ticket| ticket.id != id);
        *server.bytes.lock().expect("no test panics") = super::super::record::to_bytes(&ledger);
        admitted += 1;
        assert!(admitted < 9, "{:?}", server.ledger());
    }
    // Five seconds later the first one tries the server again.
    let earlier = |ledger: &mut RateLimitLedger, _| {
        ledger.outage_at -= 6 * SECOND;
        ledger.due = 0;
    };
    first
        .own
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
        .update_ledger(false, 0, slots)
        .await
        .expect("it is there");
    assert_eq!(own.outcome, 1, "what was refused is not counted");
}
