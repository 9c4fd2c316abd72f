/** Projects that requests name: what is kept for a project that does not exist would be kept for nobody. */
import { badRequest } from '#lib/fault.ts'
import type { Projects } from '#neighbours/identity/port.ts'

/** Refuses (400) a project that Keystone does not have. */
export async function requireProject(projects: Projects, projectId: string): Promise<void> {
  if (!(await projects.exists(projectId))) throw badRequest(`Project ID ${projectId} is not a valid project.`)
}
