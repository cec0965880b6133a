-- Health of an IdentityPool for Argo CD, by its conditions (kstatus).
--
-- It goes into the ConfigMap argocd-cm under the key
-- resource.customizations.health.cognito-identity.dev_IdentityPool (docs/gitops.md).
local function of(type)
  for _, condition in ipairs(obj.status.conditions or {}) do
    if condition.type == type then
      return condition
    end
  end
  return {}
end

local function health(status, message)
  return { status = status, message = message }
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not seen this generation yet")
end
local ready, stalled, reconciling = of("Ready"), of("Stalled"), of("Reconciling")
if stalled.status == "True" then
  return health("Degraded", stalled.reason .. ": " .. stalled.message)
end
if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "The pool is being deleted or let go")
end
if reconciling.status == "True" then
  return health("Progressing", reconciling.reason .. ": " .. reconciling.message)
end
if obj.spec.managementPolicy == "Suspend" or obj.spec.managementPolicy == "Plan" then
  return health("Suspended", "managementPolicy is " .. obj.spec.managementPolicy)
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.message or "The operator has not said anything yet")
