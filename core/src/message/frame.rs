use crc::{CRC_32_ISO_HDLC, Crc};
use postcard::ser_flavors::{Cobs, Slice, crc::CrcModifier};
use serde::{Deserialize, Serialize};

use super::{MessageError, VERSION};

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Returns the length of the longest frame of a message with this number of bytes. The end byte is included.
pub(super) const fn len(message: usize) -> usize {
    let stuffed = size_of_val(&VERSION) + message + size_of::<u32>();
    // A byte in front, another for each 254, and the end.
    stuffed + 1 + stuffed / 254 + 1
}

/// Writes a message's frame into `buffer` and returns it. The end byte is included.
///
/// # Errors
///
/// [`MessageError::TooLong`] if the buffer is too short. A buffer of [`request_len`](super::request_len) or
/// [`response_len`](super::response_len) bytes is long enough.
pub fn encode<'b>(message: &impl Serialize, buffer: &'b mut [u8]) -> Result<&'b [u8], MessageError> {
    let stuffed = Cobs::try_new(Slice::new(buffer)).map_err(|_| MessageError::TooLong)?;
    let checked = CrcModifier::new(stuffed, CHECKSUM.digest());
    let frame = postcard::serialize_with_flavor(&(VERSION, message), checked);
    Ok(frame.map_err(|_| MessageError::TooLong)?)
}

/// Decodes messages from the bytes that come over a line. The buffer has a fixed size; on a device it is an array.
///
/// A frame of any length takes no more memory than this buffer. The decoder understands the next frame after a zero byte, whatever came before.
#[derive(Clone, Debug)]
pub struct Decoder<Buffer> {
    frame: Buffer,
    /// The number of bytes of the frame so far. Bytes for which there is no room are counted too.
    received: usize,
}

impl<Buffer> Decoder<Buffer> {
    /// Returns a decoder that has not received a byte. The buffer may have any content. A frame that is longer gives [`MessageError::TooLong`]:
    /// [`request_len`](super::request_len) bytes are enough on a device, and [`response_len`](super::response_len) bytes on a host.
    pub const fn new(frame: Buffer) -> Self {
        Self { frame, received: 0 }
    }
}

impl<Buffer: AsMut<[u8]>> Decoder<Buffer> {
    /// Takes a byte. After the last byte of a frame, it returns the message, or the error of a frame that is no message. An empty frame
    /// returns nothing.
    pub fn push<'a, M: Deserialize<'a>>(&'a mut self, byte: u8) -> Option<Result<M, MessageError>> {
        let frame = self.frame.as_mut();
        if byte != 0 {
            if let Some(place) = frame.get_mut(self.received) {
                *place = byte;
            }
            self.received = self.received.saturating_add(1);
            return None;
        }
        match core::mem::take(&mut self.received) {
            0 => None,
            received => Some(frame.get_mut(..received).ok_or(MessageError::TooLong).and_then(decode)),
        }
    }
}

/// Decodes the message of a frame that comes without its end byte.
fn decode<'a, M: Deserialize<'a>>(frame: &'a mut [u8]) -> Result<M, MessageError> {
    let len = cobs::decode_in_place(frame).map_err(|_| MessageError::Malformed)?;
    let unstuffed = frame.get(..len).unwrap_or_default();
    let (checked, checksum) = unstuffed.split_last_chunk().ok_or(MessageError::Malformed)?;
    if CHECKSUM.checksum(checked) != u32::from_le_bytes(*checksum) {
        return Err(MessageError::Checksum);
    }
    match checked.split_first() {
        Some((&VERSION, message)) => match postcard::take_from_bytes(message) {
            Ok((message, [])) => Ok(message),
            _ => Err(MessageError::Malformed),
        },
        Some((&found, _)) => Err(MessageError::Version { found }),
        None => Err(MessageError::Malformed),
    }
}
