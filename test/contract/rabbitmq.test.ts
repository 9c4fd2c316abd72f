/** RabbitMQ keeps the bus contract, and what only a broker can break. */
import { after, before } from 'node:test'
import { createBus } from '#bus/index.ts'
import { busContract } from './bus.ts'
import { type RabbitMqNode, startRabbitMq } from './rabbitmq-node.ts'

let node: RabbitMqNode

before(async () => {
  node = await startRabbitMq()
})
after(() => node.stop())

const make = () => createBus({ transportUrl: node.transportUrl })

busContract('RabbitMQ', async () => make())
