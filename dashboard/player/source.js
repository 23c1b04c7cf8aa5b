// Where recordings come from: the socket of a run, or bytes at hand. A source calls `onOpen`, `onBlob`,
// `onRefused`, `onTrouble` and `onGone`; the Player calls `more(after)` when it can take more, `send(message)` to ask
// or to order, `close()` when it is done with it.

const TRIES = [300, 1000, 2000, 4000]; // milliseconds between attempts after a lost connection; then as the last

export class SocketSource {
  constructor(url) {
    this.url = url;
    this.tries = 0;
    this.after = null;
  }

  open(handlers) {
    this.handlers = handlers;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.handlers.onOpen();
      this.send({ after: this.after });
    };
    socket.onmessage = ({ data }) => {
      this.tries = 0;
      if (typeof data !== "string") return this.handlers.onBlob(data);
      const { error, n } = JSON.parse(data);
      if (error === "gone") this.goneAlready = true;
      else if (n !== undefined) this.handlers.onRefused(n, error);
      else if (error) this.handlers.onTrouble(error);
    };
    socket.onclose = () => {
      if (this.closed || socket !== this.socket) return;
      if (this.goneAlready) {
        this.goneAlready = false; // until the page reruns and brings another run, ask now and then
        this.timer = setTimeout(() => this.connect(), 4000);
        return this.handlers.onGone();
      }
      if (this.tries > 0) this.handlers.onTrouble("The server does not answer; trying again …");
      this.timer = setTimeout(() => this.connect(), TRIES[Math.min(this.tries++, TRIES.length - 1)]);
    };
  }

  more(after) {
    this.after = after;
    this.send({ after });
  }

  /** What a drag asks, or what a live run is to do. */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  retry() {
    this.tries = 0;
    this.goneAlready = false;
    this.connect();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }
}

/** A recording that is at hand: a file, or bytes made in a test or a benchmark. */
export class BytesSource {
  constructor(buffer) {
    this.buffer = buffer;
  }

  open(handlers) {
    this.handlers = handlers;
    handlers.onBlob(this.buffer);
  }

  more() {}
  send() {}
  retry() {
    this.handlers.onBlob(this.buffer);
  }
  close() {}
}
