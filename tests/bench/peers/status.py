"""The status of services, as a script would ask for it: `status.py URL…`."""

import asyncio
import sys

import aiohttp


async def main():
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def ask(url):
            async with session.get(url) as answer:
                await answer.read()
                return answer.status

        print(await asyncio.gather(*map(ask, sys.argv[1:])))


asyncio.run(main())
