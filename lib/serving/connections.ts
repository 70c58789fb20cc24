// Connections: where there are too many, the one that has idled longest makes room.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { shareKey, shareOf } from "./addresses";
import { rawAnswer } from "./responses";

interface Connection {
  socket: Socket;
  address: string;
  /** Requests whose heads are whole and whose answers are not. */
  underWay: number;
}

/**
 * Bounds a server's connections, in all and of each address. A newcomer beyond a bound takes the place of the
 * connection without a request that has idled longest (half a head, or none since its last answer); where all are at
 * work it is told to come again.
 * @param most connections in all
 * @param isProxied a proxy's address is that of everybody: no shares
 */
export function boundConnections(server: Server, most: number, isProxied: boolean): void {
  /** Those that idle longest come first. */
  const open = new Map<Socket, Connection>();
  const ofAddress = (address: string) => [...open.values()].filter((other) => other.address === address);

  server.on("connection", (socket: Socket) => {
    const connection = { socket, address: shareKey(socket.remoteAddress), underWay: 0 };
    const share = isProxied ? most : shareOf(connection.address, most);
    const rivals = open.size >= most ? [...open.values()] : ofAddress(connection.address);
    if (rivals.length >= (open.size >= most ? most : share)) {
      const idle = rivals.find(({ underWay }) => underWay === 0);
      if (!idle) {
        socket.end(rawAnswer(503, "too many connections: try again in a moment"));
        socket.destroySoon();
        return;
      }
      open.delete(idle.socket);
      idle.socket.destroy();
    }
    open.set(socket, connection);
    socket.once("close", () => open.delete(socket));
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = open.get(socket);
    if (!connection) return;
    connection.underWay++;
    response.once("close", () => {
      connection.underWay--;
      if (open.delete(socket)) open.set(socket, connection);
    });
  });
}
