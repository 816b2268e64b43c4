#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pass connections on to a server of this machine, as slowly as a network far away would.

    relay.py PORT-FILE TARGET-PORT [--listen ADDRESS] [--congestion NAME] [--delay MS]
        [--rate BYTES]

Every byte comes DELAY milliseconds later in each direction, a new connection a whole turn later; each
connection carries at most RATE bytes a second, as content networks limit them. There is no loss.
It is for kernels that have no netem.
"""

import argparse
import asyncio
import collections
import os
import socket


async def carry(reader, writer, delay, rate):
    """One direction: bytes are read as they come, and written when their time has come."""
    loop = asyncio.get_running_loop()
    waiting, news = collections.deque(), asyncio.Event()

    async def send():
        ready = 0.0
        while True:
            while not waiting:
                news.clear()
                await news.wait()
            when, data = waiting.popleft()
            ready = max(ready, when) + (len(data) / rate if rate else 0)
            await asyncio.sleep(max(0.0, ready - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    sending = asyncio.create_task(send())
    try:
        while True:
            data = await reader.read(65536)
            waiting.append((loop.time() + delay, data))
            news.set()
            if not data:
                break
            while len(waiting) > 256:
                await asyncio.sleep(0.001)
        await sending
    except OSError:
        sending.cancel()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port_file")
    parser.add_argument("target", type=int)
    parser.add_argument("--listen", default="127.0.0.1")
    parser.add_argument("--congestion", help="as most servers have it; else as this machine has it")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--rate", type=float, default=0)
    args = parser.parse_args()
    delay = args.delay / 1000

    async def serve(reader, writer):
        await asyncio.sleep(2 * delay)
        there, back = await asyncio.open_connection("127.0.0.1", args.target)
        await asyncio.gather(
            carry(reader, back, delay, 0), carry(there, writer, delay, args.rate)
        )

    server = await asyncio.start_server(serve, args.listen, 0)
    if args.congestion:
        for sock in server.sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, args.congestion.encode())
    with open(args.port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(server.sockets[0].getsockname()[1]))
    os.rename(args.port_file + ".new", args.port_file)
    await server.serve_forever()


asyncio.run(main())
