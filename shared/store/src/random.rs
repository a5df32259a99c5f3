//! Where random numbers come from.

#![expect(clippy::disallowed_types, reason = "the one place that asks the operating system")]

use rand::rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// The operating system's generator, or one that begins from a seed, so that a run can be
/// repeated: ids, codes, keys, nonces, tokens and waits all come from it. Clones go on from each
/// other.
#[derive(Debug, Clone)]
pub struct Random(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// Safe for keys. Without it there is nothing to go on with.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// For runs that are to be repeated: whoever knows the seed knows all that comes of it.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    fn draw<T>(
        &self,
        of_system: impl FnOnce(&mut UnwrapErr<SysRng>) -> T,
        of_seed: impl FnOnce(&mut StdRng) -> T,
    ) -> T {
        match &self.0 {
            Source::System => of_system(&mut UnwrapErr(SysRng)),
            Source::Seeded(rng) => of_seed(&mut rng.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.draw(Rng::next_u32, Rng::next_u32))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw(Rng::next_u64, Rng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match &self.0 {
            Source::System => UnwrapErr(SysRng).fill_bytes(bytes),
            Source::Seeded(rng) => {
                rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes)
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Random {}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::base62;

    #[test]
    fn a_seed_gives_the_same_again_and_clones_go_on_from_each_other() {
        let draw = |mut random: Random| base62::random(32, &mut random);
        let random = Random::seeded(7);
        let drawn = [draw(random.clone()), draw(random)];
        let again = Random::seeded(7);
        assert_eq!(drawn, [draw(again.clone()), draw(again)]);
        assert_ne!(drawn[0], drawn[1]);
        assert_ne!(draw(Random::seeded(8)), drawn[0]);
        assert_ne!(draw(Random::system()), draw(Random::system()));
    }
}
