// Limits on connections: the one that has been idle longest makes room for a new one.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { shareKey, shareOf } from "./limits/addresses";
import { rawAnswer } from "./responses";

interface Connection {
  socket: Socket;
  address: string;
  /** Requests with a complete head and no complete answer. */
  underWay: number;
}

/**
 * Limits a server's connections, in total and per address. Beyond a limit, a new connection replaces the one that has
 * been idle longest (half a head, or nothing since its last answer); if all are busy, the new one gets a 503.
 * @param most connections in total
 * @param isProxied all clients share the proxy's address: no limit per address
 */
export function boundConnections(server: Server, most: number, isProxied: boolean): void {
  /** Connections by time since their last answer, longest first. */
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
