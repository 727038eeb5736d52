//! Does nothing until it is killed: its network is what it is there for.

fn main() {
    loop {
        std::thread::park();
    }
}
