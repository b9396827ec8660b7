// Uses three functions of the package and nothing else of it: the least a bundler may keep.
import { function as compiled, grad, tensor, type Tensor } from 'tracemill'

const polynomial = compiled((x: Tensor): Tensor => x.mul(x).add(1))
const result = document.querySelector<HTMLElement>('#result')
if (result !== null) {
  result.textContent = JSON.stringify([
    Array.from(polynomial(tensor([1, 2, 3])).data()),
    grad((x) => x.exp().mul(2))(0).item(),
    tensor([[1, 2]])
      .matMul([[3], [4]])
      .item(),
  ])
  result.dataset['state'] = 'done'
}
