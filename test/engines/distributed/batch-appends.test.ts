// A server that ends the stream of appends in good order costs one append its answer, and no more.
import { randomUUID } from 'node:crypto'
import { EventStoreDBClient } from '@eventstore/db-client'
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js'
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import {
  BatchAppends,
  encode,
} from '../../../src/engines/distributed/eventstoredb/batch-appends.ts'
import { tame } from '../../../src/engines/distributed/eventstoredb/protocol.ts'
import { shared, streams, streamsService } from '../../support/eventstoredb/protocol.ts'

type Call = ServerDuplexStream<BatchAppendReq, BatchAppendResp>

test('a stream that the server has ended is not used again', async () => {
  let opened = 0
  const server = new Server()
  server.addService(
    { batchAppend: streamsService.batchAppend },
    {
      batchAppend(call: Call) {
        const last = ++opened > 1
        call.on('data', (request) => {
          if (!last) return call.end()
          const id = new shared.UUID().setString(request.getCorrelationId()?.getString() ?? '')
          const position = new shared.AllStreamPosition()
            .setCommitPosition('7')
            .setPreparePosition('7')
          const success = new streams.BatchAppendResp.Success().setPosition(position)
          return call.write(new streams.BatchAppendResp().setCorrelationId(id).setSuccess(success))
        })
      },
    },
  )
  onTestFinished(() => server.forceShutdown())
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  const client = EventStoreDBClient.connectionString`esdb://127.0.0.1:${port}?tls=false`
  const end = tame(client, () => undefined)
  const appends = new BatchAppends(client)
  const event = encode({ id: randomUUID(), type: 'Noted', data: '{}', metadata: '{}' })
  const append = () => appends.send('a.b-1', 'none', [event], 2_000)
  expect(await append()).toMatchObject({ kind: 'unknown' })
  expect(await append()).toEqual({ kind: 'done', position: 7n })
  await end()
  expect(opened).toBe(2)
})
