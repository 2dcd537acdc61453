//! Lets the user's shell reach the API server, which listens in the lab's network namespace only.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use fs_err::File;
use nix::sched::{CloneFlags, setns};

/// A connection from outside that waits for its other end.
type Waiting = Sender<io::Result<TcpStream>>;

/// Connects each connection to `listener` with `target` in the network namespace of process `pid`, for ever.
pub(crate) fn forward(listener: TcpListener, pid: u32, target: String) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    let (ask, asked) = mpsc::channel();
    thread::Builder::new()
        .name("connect".to_owned())
        .spawn(move || connect_inside(&namespace, &target, asked))?;
    thread::Builder::new().name("accept".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            let ask = ask.clone();
            // One that cannot be served is closed; its client tries again.
            thread::spawn(move || join(&stream, &ask));
        }
    })?;
    Ok(())
}

/// A socket stays in the namespace of the thread that made it: this thread makes them all.
fn connect_inside(namespace: &File, target: &str, asked: Receiver<Waiting>) {
    let entered = setns(namespace, CloneFlags::CLONE_NEWNET);
    for waiting in asked {
        let stream = entered.map_err(io::Error::from).and_then(|()| TcpStream::connect(target));
        let _ = waiting.send(stream);
    }
}

fn join(outside: &TcpStream, ask: &Sender<Waiting>) -> io::Result<()> {
    let (answer, answered) = mpsc::channel();
    ask.send(answer).map_err(io::Error::other)?;
    let inside = answered.recv().map_err(io::Error::other)??;
    let (from, to) = (outside.try_clone()?, inside.try_clone()?);
    let back = thread::spawn(move || copy(&to, &from));
    copy(outside, &inside)?;
    back.join().map_err(|_| io::Error::other("a copying thread has panicked"))?
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut from, &mut to);
    // The other direction may still have something to say.
    let _ = to.shutdown(Shutdown::Write);
    copied.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn both_directions_are_copied_to_their_ends() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let entrance = TcpListener::bind("127.0.0.1:0").unwrap();
        let (target, address) = (server.local_addr().unwrap().to_string(), entrance.local_addr().unwrap());
        forward(entrance, std::process::id(), target).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut inside, mut heard) = (server.accept().unwrap().0, String::new());
        inside.read_to_string(&mut heard).unwrap();
        inside.write_all(b"answer").unwrap();
        drop(inside);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!((heard.as_str(), answer.as_str()), ("question", "answer"));
    }
}
