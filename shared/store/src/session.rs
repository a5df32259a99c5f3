//! A member's own sessions: which there are.

use crate::actor::ActorRefusal;
use crate::{Failure, Store};
use domain::{Session, SessionToken};
use jiff::Timestamp;

impl Store {
    /// The live sessions of whoever asks, newest first.
    pub async fn find_sessions(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Vec<Session>, Failure<ActorRefusal>> {
        let (row, ..) = self.find_caller_row(token, now).await?;
        Ok(row.live_sessions(now))
    }
}
