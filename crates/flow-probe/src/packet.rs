//! The probe packet: an own format in the spirit of STAMP (RFC 8762).
//!
//! Like STAMP's, the packet carries a sequence number and room for the reflector's two timestamps from the
//! start, so that an answer is exactly as long as the probe. Unlike STAMP's, it carries a random session
//! number, so that nobody who does not see the probes can forge an answer; and it does not carry the sender's
//! timestamp, which the sender keeps.
//!
//! | bytes | field (big-endian) |
//! |---|---|
//! | 0–3 | `FLWP` |
//! | 4 | version: 1 |
//! | 5 | kind: 1 probe, 2 answer |
//! | 6–7 | zero |
//! | 8–15 | session |
//! | 16–23 | sequence |
//! | 24–31 | reflector's time of receipt, nanoseconds since 1970; zero in a probe |
//! | 32–39 | reflector's time of sending, likewise |
//! | 40– | padding: zero, ignored; with a [key](crate::key), its last 32 bytes are the seal |

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Length of a probe packet with its padding, bytes: like a small control message.
pub(crate) const LENGTH: usize = 100;

/// Length without padding; anything shorter is not a probe packet.
const HEADER: usize = 40;

const MAGIC: [u8; 4] = *b"FLWP";
const VERSION: u8 = 1;
const PROBE: u8 = 1;
const ANSWER: u8 = 2;

/// Tells one probe from all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// Random per prober and target.
    pub(crate) session: u64,
    /// Counts the probes of a session.
    pub(crate) sequence: u64,
}

/// A probe packet, without its padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Packet {
    /// What a prober sends.
    Probe(Identity),
    /// What a reflector makes of it.
    Answer {
        /// That of the probe.
        identity: Identity,
        /// How long the reflector had it, by the reflector's clock.
        residence: Duration,
    },
}

/// The whole packet of a probe.
pub(crate) fn probe(identity: Identity) -> [u8; LENGTH] {
    let mut packet = [0; LENGTH];
    overwrite(&mut packet, header(PROBE, identity));
    packet
}

/// Turns a probe into its answer, in place and of the same length. `false` if it is not a probe; it is then
/// unchanged.
pub(crate) fn answer(packet: &mut [u8], received: SystemTime, sent: SystemTime) -> bool {
    let Some(Packet::Probe(identity)) = decode(packet) else {
        return false;
    };
    let stamps = nanoseconds(received).to_be_bytes().into_iter().chain(nanoseconds(sent).to_be_bytes());
    overwrite(packet, header(ANSWER, identity).chain(stamps));
    true
}

/// Reads a packet; `None` if it is not one of ours.
pub(crate) fn decode(bytes: &[u8]) -> Option<Packet> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let (start, rest) = header.split_first_chunk::<8>()?;
    let (session, rest) = rest.split_first_chunk::<8>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (received, sent) = rest.split_first_chunk::<8>()?;
    let identity =
        Identity { session: u64::from_be_bytes(*session), sequence: u64::from_be_bytes(*sequence) };
    if *start == start_of(PROBE) {
        return Some(Packet::Probe(identity));
    }
    let residence = u64::from_be_bytes(*sent.first_chunk()?).saturating_sub(u64::from_be_bytes(*received));
    let answer = Packet::Answer { identity, residence: Duration::from_nanos(residence) };
    (*start == start_of(ANSWER)).then_some(answer)
}

fn start_of(kind: u8) -> [u8; 8] {
    let [a, b, c, d] = MAGIC;
    [a, b, c, d, VERSION, kind, 0, 0]
}

fn header(kind: u8, identity: Identity) -> impl Iterator<Item = u8> {
    start_of(kind).into_iter().chain(identity.session.to_be_bytes()).chain(identity.sequence.to_be_bytes())
}

fn overwrite(packet: &mut [u8], fields: impl Iterator<Item = u8>) {
    packet.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
}

/// Nanoseconds since 1970; zero for a clock set outside the years 1970 to 2554.
fn nanoseconds(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const IDENTITY: Identity = Identity { session: 0x0102_0304_0506_0708, sequence: 9 };

    #[test]
    fn layout_is_as_documented() {
        let mut packet = probe(IDENTITY);
        assert_eq!(&packet[..8], b"FLWP\x01\x01\0\0");
        assert_eq!(&packet[8..24], b"\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0\0\0\0\x09");
        assert_eq!(&packet[24..], [0; 76]);
        let second = UNIX_EPOCH + Duration::from_secs(1);
        assert!(answer(&mut packet, second, second + Duration::from_nanos(1)));
        assert_eq!(packet[5], ANSWER);
        assert_eq!(&packet[24..40], b"\0\0\0\0\x3b\x9a\xca\0\0\0\0\0\x3b\x9a\xca\x01");
        assert_eq!(&packet[40..], [0; 60]);
    }

    #[test]
    fn answer_is_not_answered() {
        let mut packet = probe(IDENTITY);
        assert!(answer(&mut packet, UNIX_EPOCH, UNIX_EPOCH));
        assert!(!answer(&mut packet, UNIX_EPOCH, UNIX_EPOCH));
    }

    #[test]
    fn each_byte_of_the_start_matters() {
        for index in 0..8 {
            let mut packet = probe(IDENTITY);
            packet[index] ^= 0x80;
            assert_eq!(decode(&packet), None, "byte {index}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_never_grow(mut bytes in vec(any::<u8>(), 0..2000)) {
            let (before, length) = (decode(&bytes), bytes.len());
            let answered = answer(&mut bytes, UNIX_EPOCH, UNIX_EPOCH);
            prop_assert_eq!(answered, matches!(before, Some(Packet::Probe(_))));
            prop_assert_eq!(bytes.len(), length);
        }

        #[test]
        fn any_bytes_after_a_valid_start_are_read(kind in 1..=2u8, rest in vec(any::<u8>(), 0..200)) {
            let bytes: Vec<u8> = start_of(kind).into_iter().chain(rest.iter().copied()).collect();
            prop_assert_eq!(decode(&bytes).is_some(), rest.len() >= HEADER - 8);
        }

        #[test]
        fn what_is_written_is_read(session: u64, sequence: u64, at in 0..u64::MAX / 2, took in 0..u64::MAX / 2) {
            let identity = Identity { session, sequence };
            let mut packet = probe(identity);
            prop_assert_eq!(decode(&packet), Some(Packet::Probe(identity)));
            let received = UNIX_EPOCH + Duration::from_nanos(at);
            let residence = Duration::from_nanos(took);
            prop_assert!(answer(&mut packet, received, received + residence));
            prop_assert_eq!(decode(&packet), Some(Packet::Answer { identity, residence }));
        }
    }
}
