//! The endpoint without a socket, for tests that turn its clock.

use std::time::SystemTime;

use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::watch;

use super::DemoSettings;
use super::models::DemoRegion;
use super::record::AccessRecord;
use super::service::DemoService;

/// An endpoint that is asked directly.
pub(crate) struct InProcessEndpoint(DemoService);

impl InProcessEndpoint {
    /// Returns an endpoint that has seen no request yet.
    pub(crate) fn new() -> Self {
        Self(DemoService::new(
            DemoSettings::default(),
            watch::channel(false).1,
        ))
    }

    /// Returns the answer to a body that does not ask for events.
    pub(crate) async fn ask(&self, body: &[u8]) -> Value {
        let mut record = AccessRecord::new(None, "req".to_owned(), SystemTime::UNIX_EPOCH);
        let reply = self
            .0
            .answer_message(body.to_vec(), DemoRegion::Eu, "key", &mut record);
        let reply = reply.unwrap_or_else(|refusal| panic!("{}", refusal.message()));
        let response = self.0.begin_answer(reply);
        let answer = response.into_body().collect().await.expect("whole");
        serde_json::from_slice(&answer.to_bytes()).expect("JSON")
    }
}
