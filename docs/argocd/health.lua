-- What Argo CD shows of a FlowPolicy. One that works is healthy, even while an objective is violated: that is its
-- work, and no fault of what was deployed.
local conditions = {}
if obj.status ~= nil and obj.status.observedGeneration == obj.metadata.generation then
  for _, condition in ipairs(obj.status.conditions or {}) do
    conditions[condition.type] = condition
  end
end

local ready, met = conditions.Ready, conditions.ObjectivesMet
if ready == nil then
  return {status = "Progressing", message = "flow-manager has not seen this generation yet"}
elseif ready.status == "Unknown" then
  return {status = "Progressing", message = ready.message}
elseif ready.status == "False" then
  return {status = "Degraded", message = ready.message}
elseif met ~= nil and met.status == "False" then
  return {status = "Healthy", message = met.message}
end
return {status = "Healthy", message = ready.message}
