//! What operators see of an account.

use crate::layout;
use crate::rows::{KeyRow, MemberRow, SandboxRow};
use crate::trail::Stretch;
use crate::{Store, StoreError};
use domain::{AccountId, ApiKey, Member, Sandbox, key, member};
use jiff::Timestamp;

/// What there is of an account beside its own row.
#[derive(Debug)]
pub struct Description {
    /// With those whose invitation has ended, and still holds place and address.
    pub members: Vec<Member>,
    pub keys: Vec<ApiKey>,
    pub sandbox: Option<Sandbox>,
    pub newest: Stretch,
    /// How many rows of members, keys and the Sandbox cannot be read.
    pub unreadable: usize,
}

impl Store {
    /// An account as far as it can be read: whoever looks for damage needs to see the rest.
    pub async fn describe(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Description, StoreError> {
        let partition = layout::account_partition(account);
        let (members, keys, sandbox, newest) = tokio::join!(
            self.query_each::<MemberRow>("member", partition.clone(), layout::MEMBER_PREFIX),
            self.query_each::<KeyRow>("key", partition, layout::KEY_PREFIX),
            self.get::<SandboxRow>("sandbox", layout::sandbox(account)),
            self.find_newest_events(account, now)
        );
        let (members, keys) = (members?, keys?);
        let (sandbox, damaged) = match sandbox {
            Err(StoreError::Row { .. }) => (None, 1),
            sandbox => (sandbox?.map(SandboxRow::into_sandbox), 0),
        };
        let rows = members.len() + keys.len();
        let mut members: Vec<Member> =
            members.into_iter().flatten().map(MemberRow::into_member).collect();
        member::in_listing_order(&mut members);
        let mut keys: Vec<ApiKey> = keys.into_iter().flatten().map(KeyRow::into_key).collect();
        key::in_listing_order(&mut keys);
        let unreadable = rows - members.len() - keys.len() + damaged;
        Ok(Description { members, keys, sandbox, newest: newest?, unreadable })
    }
}
