"""Asks every service once a second, until it is ended: `checks.py URL…`."""

import asyncio
import sys

import aiohttp


async def main():
    timeout = aiohttp.ClientTimeout(total=3)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def ask(url):
            async with session.get(url) as answer:
                await answer.read()

        while True:
            await asyncio.gather(*map(ask, sys.argv[1:]), asyncio.sleep(1), return_exceptions=True)


asyncio.run(main())
